import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { run, startInstance } from "./command-line.ts";

describe("entrepot reload", () => {
  const report = { changed: ["log.level", "pins"], needsRestart: ["listen"] };

  it("says what has changed and what needs a restart", async () => {
    const { flags } = await startInstance({ reload: () => Promise.resolve(report) });
    const { exitCode, stdout } = await run(["reload", ...flags]);
    expect(exitCode).toBe(0);
    expect(stdout).toBe("changed        log.level\nchanged        pins\nneeds restart  listen\n");
    expect(JSON.parse((await run(["reload", "--json", ...flags])).stdout)).toEqual(report);
  });

  it("exits with 78 and every fault where the configuration is faulty", async () => {
    const refuse = () => Promise.reject(new OperationRefused(422, "a: is wrong; b: too"));
    const { flags } = await startInstance({ reload: refuse });
    expect(await run(["reload", ...flags])).toMatchObject({ exitCode: 78, stderr: "entrepot: a: is wrong; b: too\n" });
  });
});
