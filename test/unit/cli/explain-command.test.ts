import { describe, expect, it } from "vitest";
import { alpine, digestOf, goneExplanation, someExplanation } from "../admin/reports.ts";
import { run, startInstance } from "./command-line.ts";

describe("entrepot explain", () => {
  const explain = () => Promise.resolve(someExplanation);

  it("says why an image is here, in tables for people", async () => {
    const { flags } = await startInstance({ explain });
    const { exitCode, stdout, stderr } = await run(["explain", "docker.io/alpine:3", ...flags]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toBe(`docker.io/library/alpine:3
${digestOf("a")}
index, is here, 1.0 KiB

pinned by        docker.io/library/alpine:*
leased until     2026-01-02 03:04:05Z
to be evicted    as number 12
only it needs    3.0 MiB
others need too  2.0 MiB
fetched          2026-01-02 03:04:05Z
last pulled      2026-01-02 03:04:05Z

tag                            names it
docker.io/library/alpine:3     now
docker.io/library/alpine:edge  earlier

needed by                                                                kind   platform  images
${digestOf("b")}  index  -         docker.io/library/alpine:3

platform     digest                                                                   here
linux/amd64  ${digestOf("c")}  yes
-            ${digestOf("d")}  no

left                  reason       freed  as
2026-01-02 03:04:05Z  watermark  4.0 MiB  -
`);
  });

  it("says when and why something left", async () => {
    const { flags } = await startInstance({ explain: () => Promise.resolve(goneExplanation) });
    const { exitCode, stdout } = await run(["explain", digestOf("a"), ...flags]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${digestOf("a")}
is not here

left                  reason       freed  as
2026-01-02 03:04:05Z  watermark  4.0 MiB  -
`);
  });

  it("prints JSON for programs", async () => {
    const { flags, asked } = await startInstance({ explain });
    const { stdout } = await run(["explain", alpine, "--json", ...flags]);
    expect(JSON.parse(stdout)).toMatchObject({ subject: alpine, lastVerifiedAt: null });
    expect(asked).toHaveLength(1);
  });

  it("exits with 1 for what was never here", async () => {
    const { flags } = await startInstance({ explain: () => Promise.resolve(undefined) });
    expect(await run(["explain", alpine, ...flags])).toMatchObject({
      exitCode: 1,
      stdout: "",
      stderr: `entrepot: ${alpine} is not here, and never was as far as is known\n`,
    });
  });

  it("exits with 2 for what is no image, with the words of the instance", async () => {
    const { flags } = await startInstance({});
    const { exitCode, stderr } = await run(["explain", "alpine", ...flags]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("write for instance docker.io/library/alpine:latest");
  });
});
