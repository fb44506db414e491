import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FromWriter, Result, ToWriter } from "../../../src/metadata/protocol.ts";
import { WriterClient } from "../../../src/metadata/writer-client.ts";
import { alpine, digestFor, latest } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** Starts the writer's thread alone; `results` has one entry per transaction. */
async function startWriter(): Promise<{
  post: (message: ToWriter) => void;
  transactions: (ids: number) => Promise<Result[][]>;
}> {
  const url = new URL("../../../src/metadata/writer.ts", import.meta.url);
  const worker = new Worker(url, { workerData: { directory: await temporaryDirectory() } });
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
    post: (message) => worker.postMessage(message),
    transactions: async (ids) => {
      while (seen.flat().length < ids) await new Promise((resolve) => worker.once("message", resolve));
      return seen;
    },
  };
}

const blob = (id: number): ToWriter => ({
  id,
  op: { op: "recordBlob", repository: alpine, digest: digestFor(String(id)), size: 1, at: 1 },
});

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
    post({ id: 2, op: { op: "moveTag", repository: alpine, tag: latest, digest: digestFor("missing"), at: 1 } });
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
    post({ id: 2, op: { op: "backup" } });
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
