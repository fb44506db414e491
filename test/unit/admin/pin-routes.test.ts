import { describe, expect, it } from "vitest";
import { askWithToken, problem } from "./admin-server.ts";
import { alpine } from "./reports.ts";

describe("GET /api/v1/pins", () => {
  it("lists what is pinned, whole", async () => {
    const pins = () => [
      { image: alpine, origin: "config" as const, platforms: undefined },
      { image: "ghcr.io/org/app:v*", origin: "api" as const, platforms: ["linux/amd64"] },
    ];
    const { status, json } = await askWithToken({ pins }, "/pins");
    expect(status).toBe(200);
    expect(json).toEqual({
      items: [
        { image: alpine, origin: "config", platforms: null },
        { image: "ghcr.io/org/app:v*", origin: "api", platforms: ["linux/amd64"] },
      ],
      nextCursor: null,
    });
  });
});

describe("POST /api/v1/pins", () => {
  const method = "POST";
  const putPin = () => Promise.resolve();

  it("pins an image under its canonical name, for canonical platforms", async () => {
    const body = { image: "DOCKER.IO/alpine:3", platforms: ["linux/aarch64", "linux/arm64/v8", "linux/amd64"] };
    const { status, json, asked } = await askWithToken({ putPin }, "/pins", { method, body });
    expect(status).toBe(200);
    expect(json).toEqual({ image: alpine, origin: "api", platforms: ["linux/arm64", "linux/amd64"] });
    expect(asked).toEqual([["putPin", alpine, ["linux/arm64", "linux/amd64"]]]);
  });

  it.each([{}, { platforms: null }])("pins a pattern for all platforms: %j", async (platforms) => {
    const body = { image: "ghcr.io/org/**:v*", ...platforms };
    const { json, asked } = await askWithToken({ putPin }, "/pins", { method, body });
    expect(json).toEqual({ image: "ghcr.io/org/**:v*", origin: "api", platforms: null });
    expect(asked).toEqual([["putPin", "ghcr.io/org/**:v*", undefined]]);
  });

  it.each([
    [{}, "image is missing"],
    [{ image: "alpine:3" }, "write for instance docker.io/library/alpine:3"],
    [{ image: "docker.io/library/alpine" }, "write :* for all tags"],
    [{ image: alpine, platforms: [] }, 'platforms must be a list such as ["linux/amd64"'],
    [{ image: alpine, platforms: "linux/amd64" }, "platforms must be a list"],
    [{ image: alpine, platforms: ["linux"] }, "platforms must be a list"],
    [{ image: alpine, platform: ["linux/amd64"] }, '"platform", which means nothing here'],
  ])("refuses %j in words", async (body, words) => {
    const { json, asked } = await askWithToken({ putPin }, "/pins", { method, body });
    expect(json).toMatchObject(problem(400, words));
    expect(asked).toEqual([]);
  });
});

describe("DELETE /api/v1/pins", () => {
  const method = "DELETE";
  const dropPin = () => Promise.resolve("dropped" as const);

  it.each([
    ["in the query", `/pins?image=${alpine}`, undefined],
    ["in the body", "/pins", { image: "docker.io/alpine:3" }],
  ])("takes away the pin that is named %s", async (_words, path, body) => {
    const { status, json, asked } = await askWithToken({ dropPin }, path, { method, body });
    expect({ status, json }).toEqual({ status: 200, json: { image: alpine } });
    expect(asked).toEqual([["dropPin", alpine]]);
  });

  it("answers 404 where there is no such pin", async () => {
    const { json } = await askWithToken({ dropPin: () => Promise.resolve("absent") }, `/pins?image=${alpine}`, {
      method,
    });
    expect(json).toMatchObject(problem(404, `there is no pin ${alpine}`));
  });

  it("says where a pin of the configuration is taken away", async () => {
    const fromConfig = () => Promise.resolve("from-config" as const);
    const { json } = await askWithToken({ dropPin: fromConfig }, `/pins?image=${alpine}`, { method });
    expect(json).toMatchObject(problem(409, "is of the configuration"));
  });

  it.each([
    ["/pins", undefined, "image is missing"],
    ["/pins", {}, "image is missing"],
    [`/pins?image=${alpine}`, { image: alpine }, "not in both"],
    ["/pins?image=alpine", undefined, "names no registry"],
    ["/pins?pin=alpine", undefined, "means nothing here"],
  ])("refuses %s with %j in words", async (path, body, words) => {
    const { json, asked } = await askWithToken({ dropPin }, path, { method, body });
    expect(json).toMatchObject(problem(400, words));
    expect(asked).toEqual([]);
  });
});
