import { describe, expect, it } from "vitest";
import { alpine } from "../admin/reports.ts";
import { run, startInstance } from "./command-line.ts";

describe("entrepot pin", () => {
  const putPin = () => Promise.resolve();

  it("pins an image", async () => {
    const { flags, asked } = await startInstance({ putPin });
    expect(await run(["pin", "docker.io/alpine:3", ...flags])).toMatchObject({
      exitCode: 0,
      stdout: `pinned ${alpine}\n`,
    });
    expect(asked).toEqual([["putPin", alpine, undefined]]);
  });

  it.each([["linux/amd64", "linux/arm64"], ["linux/amd64", "--platform", "linux/arm64"], ["linux/amd64,linux/arm64"]])(
    "pins some platforms: %s %s %s",
    async (...given) => {
      const { flags, asked } = await startInstance({ putPin });
      const { stdout } = await run(["pin", "ghcr.io/org/app:v*", "--platform", ...given, ...flags]);
      expect(stdout).toBe("pinned ghcr.io/org/app:v* for linux/amd64, linux/arm64\n");
      expect(asked).toEqual([["putPin", "ghcr.io/org/app:v*", ["linux/amd64", "linux/arm64"]]]);
    },
  );

  it("lists the pins where no image is named", async () => {
    const pins = () => [
      { image: alpine, origin: "config" as const, platforms: undefined },
      { image: "ghcr.io/org/app:v*", origin: "api" as const, platforms: ["linux/amd64", "linux/arm64"] },
    ];
    const { flags } = await startInstance({ pins });
    const { exitCode, stdout } = await run(["pin", ...flags]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`pin                         platforms                 by
docker.io/library/alpine:3  all                       configuration
ghcr.io/org/app:v*          linux/amd64, linux/arm64  pin
`);
    expect(JSON.parse((await run(["pin", "--json", ...flags])).stdout)).toMatchObject({ nextCursor: null });
  });

  it("says that nothing is pinned", async () => {
    const { flags } = await startInstance({ pins: () => [] });
    expect((await run(["pin", ...flags])).stdout).toBe("nothing is pinned\n");
  });

  it("exits with 2 where the image is taken for a platform", async () => {
    const { flags } = await startInstance({});
    const { exitCode, stderr } = await run(["pin", ...flags, "--platform", "linux/amd64", alpine]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("say the image in front of --platform");
  });

  it("exits with 2 for what is no platform", async () => {
    const { flags } = await startInstance({});
    const { exitCode, stderr } = await run(["pin", alpine, ...flags, "--platform", "linux"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("platforms must be a list such as");
  });
});

describe("entrepot unpin", () => {
  it("takes a pin away", async () => {
    const { flags, asked } = await startInstance({ dropPin: () => Promise.resolve("dropped") });
    expect(await run(["unpin", "ghcr.io/org/**:v*", ...flags])).toMatchObject({
      exitCode: 0,
      stdout: "unpinned ghcr.io/org/**:v*\n",
    });
    expect(asked).toEqual([["dropPin", "ghcr.io/org/**:v*"]]);
  });

  it.each([
    ["absent", 1, "there is no pin"],
    ["from-config", 77, "take it out of `pins` there"],
  ] as const)("says in words when it cannot: %s", async (outcome, exitCode, words) => {
    const { flags } = await startInstance({ dropPin: () => Promise.resolve(outcome) });
    const result = await run(["unpin", alpine, ...flags]);
    expect(result.exitCode).toBe(exitCode);
    expect(result.stderr).toContain(words);
  });
});
