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
