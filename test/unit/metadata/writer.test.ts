import { Worker } from "node:worker_threads";
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openIndex } from "../../../src/metadata/open-index.ts";
import { renewalStates, type FromWriter, type Result, type ToWriter } from "../../../src/metadata/protocol.ts";
import { prepareRenewal } from "../../../src/metadata/renewal.ts";
import { WriterClient } from "../../../src/metadata/writer-client.ts";
import { alpine, digestFor, latest } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Starts the writer's thread alone; `results` has one entry per transaction. */
async function startWriter(): Promise<{
  directory: string;
  post: (message: ToWriter) => void;
  transactions: (ids: number) => Promise<Result[][]>;
}> {
  const url = new URL("../../../src/metadata/writer.ts", import.meta.url);
  const directory = await temporaryDirectory();
  const worker = new Worker(url, { workerData: { directory } });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  onTestFinished(() => {
    worker.postMessage("end" satisfies ToWriter);
    return ended.then(() => undefined);
  });
  const seen: Result[][] = [];
  const arrived = new Promise<void>((resolve) => worker.once("message", () => resolve()));
  worker.on("message", (message: FromWriter) => {
    if (message.kind === "results") seen.push(message.results);
  });
  await arrived;
  return {
    directory,
    post: (message) => worker.postMessage(message),
    transactions: async (ids) => {
      while (seen.flat().length < ids) await new Promise((resolve) => worker.once("message", resolve));
      return seen;
    },
  };
}

const blob = (id: number): ToWriter => [
  { id, op: { op: "recordBlob", repository: alpine, digest: digestFor(String(id)), size: 1, at: 1 } },
];

describe("the writer", () => {
  test("commits together what arrives together", async () => {
    const { post, transactions } = await startWriter();
    for (let id = 1; id <= 100; id += 1) post(blob(id));
    const groups = await transactions(100);
    expect(groups.length).toBeLessThanOrEqual(10);
    expect(groups.flat().map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  test("undoes an operation that fails, and commits the others of its group", async () => {
    const { post, transactions } = await startWriter();
    post(blob(1));
    post([{ id: 2, op: { op: "moveTag", repository: alpine, tag: latest, digest: digestFor("missing"), at: 1 } }]);
    post(blob(3));
    const results = (await transactions(3)).flat();
    expect(results.map(({ id, failure }) => [id, failure?.kind])).toEqual([
      [1, undefined],
      [2, "refused"],
      [3, undefined],
    ]);
  });

  test("makes a copy only of what was written before", async () => {
    const { post, transactions } = await startWriter();
    post(blob(1));
    post([{ id: 2, op: { op: "backup" } }]);
    post(blob(3));
    const groups = await transactions(3);
    expect(groups.map((group) => group.map(({ id }) => id))).toEqual([[1], [2], [3]]);
  });

  test("leaves every later write rejected when it dies", async () => {
    const { writer } = await WriterClient.start(await temporaryDirectory());
    // An operation that is none: a bug, which ends the thread.
    const killing = writer.send(null as never);
    await expect(killing).rejects.toMatchObject({ kind: "closed" });
    await expect(writer.send({ op: "forgetFile", digest: digestFor("a") })).rejects.toMatchObject({ kind: "closed" });
    await writer.end();
  });
});

describe("the writer, where the index is begun anew", () => {
  /** Has the writer put a prepared copy in its place; the state that it ends with. */
  async function renew(post: (message: ToWriter) => void): Promise<number> {
    const state = new Int32Array(new SharedArrayBuffer(4));
    post({ op: "renew", state });
    const { value } = Atomics.waitAsync(state, 0, renewalStates.waiting, 10_000);
    await value;
    return Atomics.load(state, 0);
  }

  function prepare(directory: string): void {
    const database = openIndex(directory);
    prepareRenewal(database, directory);
    database.close();
  }

  test("makes no copy for it as long as its log can be written", async () => {
    const { directory, post, transactions } = await startWriter();
    post([{ id: 1, op: { op: "prepareRenewal" } }]);
    post(blob(2));
    expect((await transactions(2)).flat()).toMatchObject([{ id: 1, failure: { kind: "io" } }, { id: 2 }]);
    expect(existsSync(join(directory, "index.db.renewed"))).toBe(false);
  });

  test("goes on in the copy, and not in what was there before", async () => {
    const { directory, post, transactions } = await startWriter();
    post(blob(1));
    await transactions(1);
    prepare(directory);
    post(blob(2));
    await transactions(2);
    expect(await renew(post)).toBe(renewalStates.done);
    post(blob(3));
    await transactions(3);
    const database = openIndex(directory);
    const digests = database.prepare("SELECT digest FROM blob ORDER BY id").pluck().all();
    database.close();
    expect(digests).toEqual(["1", "3"].map(digestFor));
  });

  test("says that it could not, and can the next time", async () => {
    const { directory, post, transactions } = await startWriter();
    post(blob(1));
    await transactions(1);
    prepare(directory);
    // Nothing can be renamed over a directory, nor unlinked.
    await rm(join(directory, "index.db"));
    await mkdir(join(directory, "index.db"));
    expect(await renew(post)).toBe(renewalStates.failed);
    post(blob(2));
    expect((await transactions(2)).flat()[1]?.failure).toBeDefined();
    await rm(join(directory, "index.db"), { recursive: true });
    expect(await renew(post)).toBe(renewalStates.done);
    post(blob(3));
    expect((await transactions(3)).flat()[2]).toEqual({ id: 3 });
  });
});
