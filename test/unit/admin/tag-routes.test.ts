import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { askWithToken, problem } from "./admin-server.ts";
import { alpine, digestOf, rfc3339, time } from "./reports.ts";

const alpineName = { upstream: "docker.io", repository: "library/alpine", reference: { kind: "tag", tag: "3" } };

describe("GET /api/v1/tag-history", () => {
  it("says what the tag has named, and that it is held", async () => {
    const periods = [
      { digest: digestOf("b"), firstSeen: time, lastSeen: time, isCurrent: true },
      { digest: digestOf("a"), firstSeen: time, lastSeen: time, isCurrent: false },
    ];
    const tagHistory = () => ({ held: digestOf("a"), periods });
    const { status, json, asked } = await askWithToken({ tagHistory }, "/tag-history?image=docker.io/alpine:3");
    expect(status).toBe(200);
    expect(asked).toEqual([["tagHistory", alpineName]]);
    expect(json).toEqual({
      image: alpine,
      held: digestOf("a"),
      items: [
        { digest: digestOf("b"), firstSeen: rfc3339, lastSeen: rfc3339, isCurrent: true },
        { digest: digestOf("a"), firstSeen: rfc3339, lastSeen: rfc3339, isCurrent: false },
      ],
      nextCursor: null,
    });
  });

  it("answers 404 for a tag that is not known", async () => {
    const { json } = await askWithToken({ tagHistory: () => undefined }, `/tag-history?image=${alpine}`);
    expect(json).toMatchObject(problem(404, `the tag ${alpine} is not known here`));
  });

  it("asks for a tag where there is a digest", async () => {
    const { json } = await askWithToken({}, `/tag-history?image=docker.io/library/alpine@${digestOf("a")}`);
    expect(json).toMatchObject(problem(400, "image must have a tag"));
  });
});

describe("POST /api/v1/rollback", () => {
  const method = "POST";
  const rollback = () => Promise.resolve();

  it("holds a tag at a digest", async () => {
    const body = { image: alpine, digest: digestOf("a") };
    const { status, json, asked } = await askWithToken({ rollback }, "/rollback", { method, body });
    expect({ status, json }).toEqual({ status: 200, json: { image: alpine, held: digestOf("a") } });
    expect(asked).toEqual([["rollback", alpineName, digestOf("a")]]);
  });

  it("lets it go", async () => {
    const body = { image: alpine, release: true };
    const { json, asked } = await askWithToken({ rollback }, "/rollback", { method, body });
    expect(json).toEqual({ image: alpine, held: null });
    expect(asked).toEqual([["rollback", alpineName, "release"]]);
  });

  it.each([404, 409, 422] as const)("passes on in words why it is refused, as %i", async (status) => {
    const refuse = () => Promise.reject(new OperationRefused(status, "that manifest has left"));
    const body = { image: alpine, digest: digestOf("a") };
    const answer = await askWithToken({ rollback: refuse }, "/rollback", { method, body });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject(problem(status, "that manifest has left"));
  });

  it.each([
    [{ image: alpine }, "say either digest"],
    [{ image: alpine, release: false }, "say either digest"],
    [{ image: alpine, digest: digestOf("a"), release: true }, "say either digest"],
    [{ image: alpine, digest: "sha256:A" }, "digest is not a digest: sha256: and 64 hex digits"],
    [{ image: alpine, release: "true" }, "release must be true or false"],
    [{ digest: digestOf("a") }, "image is missing"],
    [{ image: `docker.io/library/alpine@${digestOf("a")}`, release: true }, "image must have a tag"],
  ])("refuses %j in words", async (body, words) => {
    const { json, asked } = await askWithToken({ rollback }, "/rollback", { method, body });
    expect(json).toMatchObject(problem(400, words));
    expect(asked).toEqual([]);
  });
});
