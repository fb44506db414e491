import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { errorOf, sha256 } from "../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

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

describe("a blob that is not stored", () => {
  it("is fetched once for any number of clients, and every one gets the right bytes", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("a", 5_000_000));
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => instance.ask(`/v2/library/demo/blobs/${digest}`)),
    );
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(replies.every(({ body }) => sha256(body) === digest)).toBe(true);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
    await instance.settled();
    expect(await instance.staging()).toEqual([]);
    expect((await instance.ask(`/v2/library/demo/blobs/${digest}`)).headers["cache-status"]).toBe("entrepot; hit");
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("reaches a follower while the upstream still holds the rest", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("b", 5_000_000));
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 3_000_000) });
    const leader = await instance.open(`/v2/library/demo/blobs/${digest}`);
    const follower = await instance.open(`/v2/library/demo/blobs/${digest}`);
    await gate.reached();
    const iterator = (follower.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    let seen = 0;
    while (seen < 2_900_000) seen += ((await iterator.next()).value as Buffer).length;
    expect(follower.headers["cache-status"]).toBe("entrepot; fwd=miss; collapsed");
    gate.release();
    for (;;) {
      const next = await iterator.next();
      if (next.done) break;
      seen += next.value.length;
    }
    expect(seen).toBe(5_000_000);
    expect(sha256(Buffer.from(await leader.body.arrayBuffer()))).toBe(digest);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("goes on for the others when its first client leaves", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("c", 40_000_000));
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 1_000_000) });
    const controller = new AbortController();
    const first = await instance.open(`/v2/library/demo/blobs/${digest}`, { signal: controller.signal });
    first.body.on("error", () => undefined);
    const second = instance.ask(`/v2/library/demo/blobs/${digest}`);
    await gate.reached();
    controller.abort();
    gate.release();
    expect(sha256((await second).body)).toBe(digest);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("is resumed by Range when the upstream breaks off, and the client notices nothing", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("d", 5_000_000));
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(2_000_000, "fin") });
    const reply = await instance.ask(`/v2/library/demo/blobs/${digest}`);
    expect([reply.status, reply.isShort, sha256(reply.body)]).toEqual([200, false, digest]);
    expect(upstream.requests.filter({ kind: "blob" }).map(({ range }) => range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=\d+-$/),
    ]);
  });

  it("ends short and keeps nothing when the last byte is wrong", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("e", 5_000_000));
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.wrongByte(4_999_999) });
    const reply = await instance.ask(`/v2/library/demo/blobs/${digest}`);
    expect([reply.status, reply.isShort]).toEqual([200, true]);
    expect(reply.body.length).toBeLessThan(5_000_000);
    expect(await instance.staging()).toEqual([]);
    expect(await instance.metric("entrepot_verify_failures_total")).toBe(1);
    const range = { headers: { range: "bytes=1000-" } };
    expect((await instance.ask(`/v2/library/demo/blobs/${digest}`, range)).status).toBe(502);
    expect(sha256((await instance.ask(`/v2/library/demo/blobs/${digest}`)).body)).toBe(digest);
  });

  it("is refused with a real status when a small one is wrong", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("f", 500_000));
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.wrongByte(3) });
    const reply = await instance.ask(`/v2/library/demo/blobs/${digest}`);
    expect([reply.status, errorOf(reply).code]).toEqual([502, "UNAVAILABLE"]);
  });
});
