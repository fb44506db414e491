import { describe, expect, test } from "vitest";
import { WriteQueue, type WritableFile } from "../../../src/blobstore/write-queue.ts";

interface FakeFile extends WritableFile {
  content: Buffer;
  calls: number[];
  syncs: number;
}

/** A file in memory that takes at most `maxBytes` per call, and fails after `failAfterCalls`. */
function fakeFile({
  maxBytes = Infinity,
  failAfterCalls = Infinity,
  code = "ENOSPC",
  failSync = false,
} = {}): FakeFile {
  const failure = (): Error => Object.assign(new Error(code), { code });
  return {
    content: Buffer.alloc(0),
    calls: [],
    syncs: 0,
    async writev(buffers, position) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.calls.length >= failAfterCalls) throw failure();
      expect(position).toBe(this.content.length);
      const taken = Buffer.concat(buffers).subarray(0, maxBytes);
      this.calls.push(buffers.length);
      this.content = Buffer.concat([this.content, taken]);
      return { bytesWritten: taken.length };
    },
    datasync() {
      this.syncs += 1;
      return failSync ? Promise.reject(failure()) : Promise.resolve();
    },
  };
}

const chunk = (length: number, byte: number): Buffer => Buffer.alloc(length, byte);

describe("the write queue", () => {
  test("sends what arrives during a write out with the next one", async () => {
    const file = fakeFile();
    const queue = new WriteQueue(file, () => undefined);
    await Promise.all([1, 2, 3, 4, 5].map((byte) => queue.append(chunk(10, byte))));
    await queue.flush();
    expect(file.calls).toEqual([1, 4]);
    expect(queue.written).toBe(50);
  });

  test("writes every byte in order when the system takes only a few at a time", async () => {
    const file = fakeFile({ maxBytes: 7 });
    const offsets: number[] = [];
    const queue = new WriteQueue(file, (written) => offsets.push(written));
    const chunks = [chunk(3, 1), chunk(10, 2), chunk(0, 9), chunk(5, 3), chunk(20, 4)];
    for (const next of chunks) void queue.append(next);
    await queue.flush();
    expect(file.content.equals(Buffer.concat(chunks))).toBe(true);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(offsets.at(-1)).toBe(38);
  });

  test("lets its caller go on only when less than 1 MiB is queued", async () => {
    const file = fakeFile();
    const queue = new WriteQueue(file, () => undefined);
    const order: string[] = [];
    const small = queue.append(chunk(1000, 1)).then(() => order.push(`small at ${queue.written}`));
    const large = queue.append(chunk(2 * 1024 * 1024, 2)).then(() => order.push(`large at ${queue.written}`));
    await Promise.all([small, large]);
    expect(order).toEqual(["small at 0", `large at ${1000 + 2 * 1024 * 1024}`]);
  });

  test("gives the failure of one write to everything that waits and everything that comes later", async () => {
    const queue = new WriteQueue(fakeFile({ failAfterCalls: 1 }), () => undefined);
    const outcomes = await Promise.allSettled([
      queue.append(chunk(10, 1)),
      queue.append(chunk(2 * 1024 * 1024, 2)),
      queue.flush(),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    await expect(queue.append(chunk(1, 1))).rejects.toMatchObject({ kind: "no-space" });
    await expect(queue.flush()).rejects.toMatchObject({ kind: "no-space" });
    expect(queue.written).toBe(10);
  });

  test.each([
    ["ENOSPC", "no-space"],
    ["EDQUOT", "no-space"],
    ["EIO", "io"],
    ["EROFS", "io"],
  ])("calls %s %s", async (code, kind) => {
    const queue = new WriteQueue(fakeFile({ failAfterCalls: 0, code }), () => undefined);
    await queue.append(chunk(1, 1));
    await expect(queue.flush()).rejects.toMatchObject({ name: "StoreError", kind });
  });

  test("takes a write of no bytes for a failing disk, not for a reason to try for ever", async () => {
    const queue = new WriteQueue(fakeFile({ maxBytes: 0 }), () => undefined);
    await queue.append(chunk(1, 1));
    await expect(queue.flush()).rejects.toMatchObject({ kind: "io" });
  });

  test("syncs on the way every 64 MiB", async () => {
    const file = fakeFile();
    const queue = new WriteQueue(
      { writev: (buffers) => Promise.resolve({ bytesWritten: lengthOf(buffers) }), datasync: () => file.datasync() },
      () => undefined,
    );
    const large = chunk(16 * 1024 * 1024, 1);
    for (let count = 0; count < 9; count += 1) await queue.append(large);
    await queue.flush();
    await queue.settled();
    expect(file.syncs).toBe(2);
  });

  test("is dead after a sync on the way has failed", async () => {
    const file = fakeFile({ failSync: true, code: "EIO" });
    const queue = new WriteQueue(
      { writev: (buffers) => Promise.resolve({ bytesWritten: lengthOf(buffers) }), datasync: () => file.datasync() },
      () => undefined,
    );
    await queue.append(chunk(64 * 1024 * 1024, 1));
    await queue.settled();
    await expect(queue.append(chunk(1, 1))).rejects.toMatchObject({ kind: "io" });
    expect(file.syncs).toBe(1);
  });
});

function lengthOf(buffers: Buffer[]): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}
