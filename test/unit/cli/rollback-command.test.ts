import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { alpine, digestOf, time } from "../admin/reports.ts";
import { run, startInstance } from "./command-line.ts";

describe("entrepot rollback", () => {
  const rollback = () => Promise.resolve();

  it("serves a tag as it was", async () => {
    const { flags, asked } = await startInstance({ rollback });
    const { exitCode, stdout } = await run(["rollback", alpine, digestOf("a"), ...flags]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${alpine} is served as ${digestOf("a")} until \`entrepot rollback ${alpine} --release\`\n`);
    expect(asked).toEqual([["rollback", expect.anything(), digestOf("a")]]);
  });

  it("lets it follow the upstream again", async () => {
    const { flags, asked } = await startInstance({ rollback });
    const { stdout } = await run(["rollback", alpine, "--release", ...flags]);
    expect(stdout).toBe(`${alpine} follows its upstream again\n`);
    expect(asked).toEqual([["rollback", expect.anything(), "release"]]);
  });

  it("says what the tag has been where no digest is named", async () => {
    const periods = [
      { digest: digestOf("b"), firstSeen: time, lastSeen: time, isCurrent: true },
      { digest: digestOf("a"), firstSeen: time - 86_400_000, lastSeen: time, isCurrent: false },
    ];
    const { flags } = await startInstance({ tagHistory: () => ({ held: digestOf("a"), periods }) });
    const { exitCode, stdout } = await run(["rollback", alpine, ...flags]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${alpine}, rolled back to ${digestOf("a")}

digest                                                                   first seen            last seen
${digestOf("b")}  2026-01-02 03:04:05Z  2026-01-02 03:04:05Z (current)
${digestOf("a")}  2026-01-01 03:04:05Z  2026-01-02 03:04:05Z
`);
    expect(JSON.parse((await run(["rollback", alpine, "--json", ...flags])).stdout)).toMatchObject({ image: alpine });
  });

  it.each([
    [404, 1],
    [409, 77],
    [422, 2],
  ] as const)("shows why it is refused with %i, and exits with %i", async (status, exitCode) => {
    const refuse = () => Promise.reject(new OperationRefused(status, "that manifest has left"));
    const { flags } = await startInstance({ rollback: refuse });
    expect(await run(["rollback", alpine, digestOf("a"), ...flags])).toMatchObject({
      exitCode,
      stdout: "",
      stderr: "entrepot: that manifest has left\n",
    });
  });

  it("exits with 2 for both a digest and --release", async () => {
    const { flags, asked } = await startInstance({});
    const { exitCode } = await run(["rollback", alpine, digestOf("a"), "--release", ...flags]);
    expect(exitCode).toBe(2);
    expect(asked).toEqual([]);
  });
});
