import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { run, startInstance } from "./command-line.ts";
import { jobOperations } from "./jobs.ts";

const progress = { blobs: 40, totalBlobs: 40, bytes: 1024 ** 3, totalBytes: 1024 ** 3 };
const copied = jobOperations("backup", (_signal, onProgress) => {
  onProgress(progress);
  return Promise.resolve({ files: 41 });
});

describe("entrepot backup", () => {
  it("names the directory from here, and says whose it is", async () => {
    const { flags, asked } = await startInstance(copied);
    const { exitCode, stdout } = await run(["backup", "copies/today", ...flags]);
    expect(exitCode).toBe(0);
    expect(asked[0]).toEqual(["startBackup", resolve("copies/today")]);
    expect(stdout).toBe(`40 blobs, 1.0 GiB are in ${resolve("copies/today")}, on the file system of the server\n`);
  });

  it("prints the job as JSON for programs", async () => {
    const { flags } = await startInstance(copied);
    const { stdout } = await run(["backup", "/srv/backup", "--json", ...flags]);
    expect(JSON.parse(stdout)).toMatchObject({ kind: "backup", state: "done", progress, result: { files: 41 } });
  });

  it("shows why a directory cannot be used, and exits with 2", async () => {
    const startBackup = () => {
      throw new OperationRefused(422, "/srv/backup is not empty");
    };
    const { flags } = await startInstance({ startBackup });
    expect(await run(["backup", "/srv/backup", ...flags])).toMatchObject({
      exitCode: 2,
      stderr: "entrepot: /srv/backup is not empty\n",
    });
  });
});
