import { expect, test } from "vitest";
import { SharedFile, type ReadableFile } from "../../../src/blobstore/shared-file.ts";

test("a file is closed only when the last read that runs has come back, and read no more from then on", async () => {
  const calls: string[] = [];
  const { promise: disk, resolve: answer } = Promise.withResolvers<{ bytesRead: number }>();
  const handle: ReadableFile = {
    read: () => disk.finally(() => calls.push("read")),
    close: () => Promise.resolve(void calls.push("close")),
  };
  const file = new SharedFile(handle);
  const reads = [file.read(Buffer.alloc(4), 0, 4), file.read(Buffer.alloc(4), 0, 4)];
  const closes = [file.close(), file.close()];
  await expect(file.read(Buffer.alloc(4), 0, 4)).rejects.toMatchObject({ kind: "closed" });
  answer({ bytesRead: 4 });
  expect(await Promise.all(reads)).toEqual([4, 4]);
  await Promise.all(closes);
  expect(calls).toEqual(["read", "read", "close"]);
});

test("of the reads of all files four are under way at once, and a failed one makes room as well", async () => {
  const underWay: PromiseWithResolvers<{ bytesRead: number }>[] = [];
  const read = (): Promise<{ bytesRead: number }> => {
    const disk = Promise.withResolvers<{ bytesRead: number }>();
    underWay.push(disk);
    return disk.promise;
  };
  const close = (): Promise<void> => Promise.resolve();
  const reads = Array.from({ length: 6 }, () => new SharedFile({ read, close }).read(Buffer.alloc(4), 0, 4));
  await new Promise(setImmediate);
  expect(underWay).toHaveLength(4);
  underWay[0]?.reject(new Error("EIO"));
  await expect(reads[0]).rejects.toMatchObject({ name: "StoreError" });
  await new Promise(setImmediate);
  expect(underWay).toHaveLength(5);
  for (const { resolve } of underWay) resolve({ bytesRead: 4 });
  await new Promise(setImmediate);
  underWay[5]?.resolve({ bytesRead: 4 });
  expect(await Promise.all(reads.slice(1))).toEqual([4, 4, 4, 4, 4]);
});
