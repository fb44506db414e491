import { afterEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function start(maxSize: string): Promise<void> {
  upstream = await startUpstream({});
  instance = await startInstance({
    settings: { storage: { maxSize, minFree: "1MiB" }, upstreams: { "docker.io": { endpoints: [upstream.url] } } },
  });
}

describe("a blob that the budget has no room for", () => {
  it("passes through whole, verified and uncached, for every client", async () => {
    await start("1MiB");
    const digest = upstream.pushBlob("library/demo", seededBytes("a", 5_000_000));
    const replies = await Promise.all([1, 2, 3].map(() => instance.ask(`/v2/library/demo/blobs/${digest}`)));
    expect(replies.map(({ status, body }) => [status, sha256(body)])).toEqual(replies.map(() => [200, digest]));
    expect(replies.map(({ headers }) => headers["cache-status"])).toEqual(replies.map(() => "entrepot; fwd=miss"));
    await instance.settled();
    expect(await instance.staging()).toEqual([]);
    expect(await instance.metric("entrepot_uncached_passes_total")).toBeGreaterThan(0);
    expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
  });

  it("still ends short when its bytes are wrong, and is a real status when it is small", async () => {
    await start("100KiB");
    const big = upstream.pushBlob("library/demo", seededBytes("a", 5_000_000));
    const small = upstream.pushBlob("library/demo", seededBytes("b", 500_000));
    upstream.misbehave({ on: "blob", temperament: temperaments.wrongByte(400_000) });
    expect((await instance.ask(`/v2/library/demo/blobs/${big}`)).isShort).toBe(true);
    expect((await instance.ask(`/v2/library/demo/blobs/${small}`)).status).toBe(502);
  });

  it("serves its ranges too", async () => {
    await start("1MiB");
    const bytes = seededBytes("a", 5_000_000);
    const digest = upstream.pushBlob("library/demo", bytes);
    const reply = await instance.ask(`/v2/library/demo/blobs/${digest}`, { headers: { range: "bytes=0-999" } });
    expect([reply.status, reply.body.equals(bytes.subarray(0, 1000))]).toEqual([206, true]);
  });

  it("does not keep a whole image from being pulled", async () => {
    await start("200B");
    const image = upstream.pushImage("library/demo", "1", { layers: [1000, 2_000_000] });
    const manifest = await instance.ask("/v2/library/demo/manifests/1");
    expect([manifest.status, manifest.headers["cache-status"]]).toEqual([200, "entrepot; fwd=miss"]);
    for (const { digest } of [image.config, ...image.layers]) {
      expect(sha256((await instance.ask(`/v2/library/demo/blobs/${digest}`)).body)).toBe(digest);
    }
  });
});
