import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { alpine, digestOf, someEviction } from "../admin/reports.ts";
import { run, startInstance, withFile } from "./command-line.ts";

const evicted = () => Promise.resolve(someEviction);

describe("entrepot evict", () => {
  it("makes room and says what has gone", async () => {
    const { flags, asked } = await startInstance({ evictBytes: evicted });
    const { exitCode, stdout, stderr } = await run(["evict", "--free", "3GiB", ...flags]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(asked).toEqual([["evictBytes", 3 * 1024 ** 3]]);
    expect(stdout).toBe(`freed 4.0 GiB; 1.0 MiB stay, as others need them too

gone                                                                     kind   last pulled             freed
docker.io/library/alpine:3 and 1 more                                    image  2026-01-02 03:04:05Z  4.0 GiB
${digestOf("b")}  blob   2026-01-02 03:04:05Z     12 B
`);
  });

  it("says what would go, for which loopback needs no token", async () => {
    const { flags, asked } = await startInstance({ plan: evicted });
    const noToken = ["--admin", flags[1] ?? "", "--config", withFile("dataDir: /nowhere")];
    const { exitCode, stdout } = await run(["evict", "--free", "3GiB", "--dry-run", ...noToken]);
    expect(exitCode).toBe(0);
    expect(asked).toEqual([["plan", 3 * 1024 ** 3]]);
    expect(stdout).toMatch(/^would free 4\.0 GiB; .+\n\nwould go /);
  });

  it.each([
    [[], false],
    [["--dry-run"], true],
  ])("lets an image go: %j", async (options, dryRun) => {
    const { flags, asked } = await startInstance({ evictImage: evicted });
    expect((await run(["evict", alpine, ...options, ...flags])).exitCode).toBe(0);
    expect(asked).toEqual([["evictImage", expect.objectContaining({ upstream: "docker.io" }), dryRun]]);
  });

  it("says that nothing has gone", async () => {
    const evictImage = () => Promise.resolve({ wantedBytes: 0, freedBytes: 0, keptSharedBytes: 0, victims: [] });
    const { flags } = await startInstance({ evictImage });
    expect(await run(["evict", alpine, ...flags])).toMatchObject({ exitCode: 0, stdout: "freed 0 B\n" });
  });

  it("prints JSON for programs", async () => {
    const { flags } = await startInstance({ evictBytes: evicted });
    const { stdout } = await run(["evict", "--free", "3GiB", "--json", ...flags]);
    expect(JSON.parse(stdout)).toMatchObject({ freedBytes: someEviction.freedBytes });
  });

  it("exits with 1 when less has gone than was wanted", async () => {
    const { flags } = await startInstance({ evictBytes: () => Promise.resolve({ ...someEviction, freedBytes: 1024 }) });
    const { exitCode, stdout, stderr } = await run(["evict", "--free", "3GiB", ...flags]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("freed 1.0 KiB");
    expect(stderr).toBe("entrepot: no more than 1.0 KiB of 3.0 GiB can go: the rest is pinned, leased or in use\n");
  });

  it("exits with 1 for an image that is not here, and with 77 for one that is pinned", async () => {
    const absent = await startInstance({ evictImage: () => Promise.resolve("absent") });
    expect(await run(["evict", alpine, ...absent.flags])).toMatchObject({
      exitCode: 1,
      stderr: `entrepot: ${alpine} is not here\n`,
    });
    const pinned = await startInstance({ evictImage: () => Promise.reject(new OperationRefused(409, "it is pinned")) });
    expect(await run(["evict", alpine, ...pinned.flags])).toMatchObject({
      exitCode: 77,
      stderr: "entrepot: it is pinned\n",
    });
  });

  it.each([
    [[], "say either an image, to let it go, or --free SIZE"],
    [["--dry-run"], "say either"],
    [[alpine, "--free", "1GiB"], "say either"],
    [["--free", "much"], '--free must be a size above 0 such as 20GiB or 500MB, not "much"'],
    [["--free", "0"], "--free must be a size above 0"],
    [["--free", "10%"], "--free must be a size above 0"],
    [["a", "b"], "too many arguments"],
  ])("exits with 2 for %j, and asks nothing", async (argv, words) => {
    const { flags, asked } = await startInstance({});
    const { exitCode, stderr } = await run(["evict", ...argv, ...flags]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(words);
    expect(asked).toEqual([]);
  });

  it("exits with 77 without the token", async () => {
    const { flags } = await startInstance({});
    const noToken = ["--admin", flags[1] ?? "", "--config", withFile("dataDir: /nowhere")];
    const { exitCode, stderr } = await run(["evict", alpine, ...noToken]);
    expect(exitCode).toBe(77);
    expect(stderr).toContain("asks for the admin token, and no token could be read from /nowhere/admin-token");
  });
});
