import { chmod, open, rm, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blobPath } from "../../src/blobstore/index.ts";
import type { Digest } from "../../src/oci/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { seededBytes, startUpstream, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  instance = await startInstance({ settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function fill(bytes: number): Promise<{ digest: Digest; path: string; file: string }> {
  const digest = upstream.pushBlob("library/demo", seededBytes("damaged", bytes));
  const path = `/v2/library/demo/blobs/${digest}`;
  await instance.ask(path);
  await instance.settled();
  return { digest, path, file: blobPath(join(instance.directory, "data"), digest) };
}

async function flipLastByte(file: string, size: number): Promise<void> {
  await chmod(file, 0o644);
  const handle = await open(file, "r+");
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, size - 1);
  await handle.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, size - 1);
  await handle.close();
}

describe("a stored blob with a wrong byte", () => {
  it.each([3_000_000, 500_000, 5000])("of %d bytes is never served whole, and is right again after", async (size) => {
    const { path, file, digest } = await fill(size);
    if (size > 256 * 1024) await instance.ask(path);
    await instance.stop();
    await flipLastByte(file, size);
    instance = await instance.restart();
    const damaged = await instance.ask(path);
    expect(damaged.isShort || sha256(damaged.body) === digest).toBe(true);
    await instance.settled();
    const healed = await instance.ask(path);
    expect([healed.status, sha256(healed.body)]).toEqual([200, digest]);
    expect(await instance.metric("entrepot_corrupt_blobs_total")).toBe(1);
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(2);
  });

  it("that it got while we run is noticed too", async () => {
    const { path, file, digest } = await fill(3_000_000);
    expect(sha256((await instance.ask(path)).body)).toBe(digest);
    await flipLastByte(file, 3_000_000);
    expect((await instance.ask(path)).isShort).toBe(true);
    expect(sha256((await instance.ask(path)).body)).toBe(digest);
  });
});

describe("a stored file that cannot be read", () => {
  it.each([3_000_000, 5000])("of %d bytes is fetched again", async (size) => {
    const { path, file, digest } = await fill(size);
    await instance.stop();
    await rm(file);
    await mkdir(file);
    instance = await instance.restart();
    expect(sha256((await instance.ask(path)).body)).toBe(digest);
  });
});
