import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { DataDirectoryError } from "../../../src/metadata/index.ts";
import { digestOf } from "../admin/reports.ts";
import { run, startInstance, withFile } from "./command-line.ts";
import { interruption, jobOperations, terminal } from "./jobs.ts";

const halfway = { blobs: 10, totalBlobs: 40, bytes: 1024 ** 3, totalBytes: 4 * 1024 ** 3 };
const right = { blobs: 40, bytes: 4 * 1024 ** 3, findings: [] };
const wrong = {
  ...right,
  findings: [
    { digest: digestOf("a"), problem: "its bytes have another digest" },
    { digest: digestOf("b"), problem: "its file is gone" },
  ],
};
const wrongTable = `40 blobs verified, 4.0 GiB

digest                                                                   problem
${digestOf("a")}  its bytes have another digest
${digestOf("b")}  its file is gone
`;
const nowhere = ["--admin", "http://127.0.0.1:1"];

/** Rejects when it is cancelled, and not before. */
function untilCancelled(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

describe("entrepot verify", () => {
  it("waits for the instance to have verified everything", async () => {
    const { flags } = await startInstance(jobOperations("verify", () => Promise.resolve(right)));
    expect(await run(["verify", ...flags])).toMatchObject({
      exitCode: 0,
      stdout: "40 blobs verified, 4.0 GiB\n",
      stderr: "",
    });
  });

  it("says what it found and exits with 1", async () => {
    const { flags } = await startInstance(jobOperations("verify", () => Promise.resolve(wrong)));
    expect(await run(["verify", ...flags])).toMatchObject({
      exitCode: 1,
      stdout: wrongTable,
      stderr: "entrepot: 2 findings\n",
    });
  });

  it("prints the job as JSON for programs, findings or not", async () => {
    const { flags } = await startInstance(jobOperations("verify", () => Promise.resolve(wrong)));
    const { exitCode, stdout } = await run(["verify", "--json", ...flags]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ kind: "verify", state: "done", result: wrong });
  });

  it("draws on a terminal how far it is, and takes that away", async () => {
    const drawn = Promise.withResolvers<undefined>();
    const stderr = terminal();
    const work = async (_signal: AbortSignal, onProgress: (progress: typeof halfway) => void) => {
      onProgress(halfway);
      await drawn.promise;
      return right;
    };
    const { flags } = await startInstance(jobOperations("verify", work));
    const running = run(["verify", ...flags], {
      stderr: {
        ...stderr,
        write: (text) => {
          stderr.write(text);
          drawn.resolve(undefined);
        },
      },
    });
    expect((await running).exitCode).toBe(0);
    expect(stderr.written).toBe(
      "\r\u001b[Kverifying [######------------------]  25.0 %  1.0 GiB of 4.0 GiB, 10 of 40 blobs\r\u001b[K",
    );
  });

  it("cancels the job on Ctrl-C", async () => {
    const started = Promise.withResolvers<undefined>();
    const work = (signal: AbortSignal) => {
      started.resolve(undefined);
      return untilCancelled(signal);
    };
    const { onInterrupt, interrupt, listeners } = interruption();
    const { flags, asked } = await startInstance(jobOperations("verify", work));
    const running = run(["verify", ...flags], {
      onInterrupt: (listener) => {
        const forget = onInterrupt(listener);
        void started.promise.then(interrupt);
        return forget;
      },
    });
    expect(await running).toMatchObject({ exitCode: 1, stderr: "entrepot: the verification was cancelled\n" });
    expect(asked).toContainEqual(["cancelJob", expect.any(String)]);
    expect(listeners.size).toBe(0);
  });

  it("says why the job failed", async () => {
    const failure = Object.assign(new Error("the disk cannot be read"), { code: "EIO" });
    const { flags } = await startInstance(jobOperations("verify", () => Promise.reject(failure)));
    expect(await run(["verify", ...flags])).toMatchObject({
      exitCode: 1,
      stderr: "entrepot: the verification failed: the disk cannot be read\n",
    });
  });

  it("exits with 77 while another one runs", async () => {
    const operations = jobOperations("verify", untilCancelled);
    const { flags } = await startInstance(operations);
    operations.startVerify?.();
    const { exitCode, stderr } = await run(["verify", ...flags]);
    expect(exitCode).toBe(77);
    expect(stderr).toMatch(/^entrepot: a verification runs already, as job \S+\n$/);
  });

  it("says how a stopped one is verified when no instance answers", async () => {
    const { exitCode, stderr } = await run(["verify", ...nowhere]);
    expect(exitCode).toBe(69);
    expect(stderr).toContain("no instance answers at http://127.0.0.1:1");
    expect(stderr).toContain("with --data-dir DIRECTORY");
  });
});

describe("entrepot verify --data-dir", () => {
  const dataDirectory = () => dirname(withFile("1\n", "FORMAT"));

  it("verifies a stopped directory", async () => {
    const verified: string[] = [];
    const verifyOffline = (directory: string) => {
      verified.push(directory);
      return Promise.resolve(wrong);
    };
    const directory = dataDirectory();
    expect(await run(["verify", "--data-dir", directory], { verifyOffline })).toMatchObject({
      exitCode: 1,
      stdout: wrongTable,
      stderr: "entrepot: 2 findings\n",
    });
    expect(verified).toEqual([directory]);
  });

  it("prints what was found as JSON for programs", async () => {
    const verifyOffline = () => Promise.resolve(right);
    const { exitCode, stdout } = await run(["verify", "--json", "--data-dir", dataDirectory()], { verifyOffline });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(right);
  });

  it("draws how far it is", async () => {
    const stderr = terminal();
    await run(["verify", "--data-dir", dataDirectory()], {
      stderr,
      verifyOffline: (_directory, { onProgress }) => {
        onProgress(halfway);
        return Promise.resolve(right);
      },
    });
    expect(stderr.written).toContain("verifying [######------------------]  25.0 %");
    expect(stderr.written.endsWith("\r\u001b[K")).toBe(true);
  });

  it("ends on Ctrl-C", async () => {
    const { onInterrupt, interrupt, listeners } = interruption();
    const result = await run(["verify", "--data-dir", dataDirectory()], {
      onInterrupt,
      verifyOffline: (_directory, { signal }) => {
        const ended = untilCancelled(signal);
        interrupt();
        return ended;
      },
    });
    expect(result).toMatchObject({ exitCode: 1, stderr: "entrepot: the verification was cancelled\n" });
    expect(listeners.size).toBe(0);
  });

  it("exits with 77 for a directory that is in use, and says what to do", async () => {
    const inUse = new DataDirectoryError("in-use", "stop that one, or use another directory");
    const directory = dataDirectory();
    const result = await run(["verify", "--data-dir", directory], { verifyOffline: () => Promise.reject(inUse) });
    expect(result).toMatchObject({
      exitCode: 77,
      stderr: `entrepot: ${directory} is in use by a running instance, which \`entrepot verify\` without --data-dir asks\n`,
    });
  });

  it("exits with 2 for a directory that is none of entrepot, and makes nothing there", async () => {
    const directory = dirname(withFile("", "other"));
    const { exitCode, stderr } = await run(["verify", "--data-dir", directory]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("is not a data directory of entrepot");
  });

  it("takes no instance besides", async () => {
    const { exitCode, stderr } = await run(["verify", "--data-dir", dataDirectory(), ...nowhere]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("cannot be used with option");
  });
});
