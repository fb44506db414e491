import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Instance } from "../../support/instance.ts";
import { errorOf, sha256 } from "../../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { of, startNode } from "./chain.ts";

const bytes = seededBytes("layer", 5_000_000);
const atOnce = { serve: { drainFor: "0s" } };

let registry: TestUpstream;
let parent: Instance;
let node: Instance;
let other: Instance;

beforeEach(async () => {
  registry = await startUpstream({});
  parent = await startNode({ above: [registry.url], settings: atOnce });
  [node, other] = await Promise.all([startNode({ above: [parent] }), startNode({ above: [parent, registry.url] })]);
});

afterEach(async () => {
  await Promise.all([node, other].map((instance) => instance.remove()));
  await parent.remove();
  await registry.close();
});

const gets = (): number => registry.requests.count({ kind: "blob", method: "GET" });

describe("a cold blob through a parent cache", () => {
  it("leaves the registry once, however many clients of however many nodes ask at once", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    const path = of(`org/app/blobs/${digest}`);
    const gate = createGate();
    registry.misbehave({ on: "blob", temperament: temperaments.gated(gate, 1_000_000) });
    const asking = [node, other, node, other, node].map((instance) => instance.ask(path));
    await gate.reached();
    gate.release();
    const replies = await Promise.all(asking);
    expect(replies.map(({ status, body }) => [status, sha256(body)])).toEqual(replies.map(() => [200, digest]));
    expect(gets()).toBe(1);
    expect(await parent.metric("entrepot_requests_total", { kind: "blob" })).toBe(2);
    await Promise.all([node, other, parent].map((instance) => instance.settled()));
    expect((await node.ask(path)).headers["cache-status"]).toBe("entrepot; hit");
  });

  it("is read along while the registry still holds the rest, and says what both caches did", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    const gate = createGate();
    registry.misbehave({ on: "blob", temperament: temperaments.gated(gate, 2_000_000) });
    const { headers, body } = await node.open(of(`org/app/blobs/${digest}`));
    expect(headers["cache-status"]).toBe("entrepot; fwd=miss; stored, entrepot; fwd=miss; stored");
    const pieces: Buffer[] = [];
    for await (const piece of body as AsyncIterable<Buffer>) {
      pieces.push(piece);
      if (Buffer.concat(pieces).length >= 1_500_000) gate.release();
    }
    expect(sha256(Buffer.concat(pieces))).toBe(digest);
  });

  it("that the parent has is a hit there", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    const path = of(`org/app/blobs/${digest}`);
    await parent.ask(path);
    await parent.settled();
    const reply = await node.ask(path);
    expect([reply.headers["cache-status"], sha256(reply.body)]).toEqual([
      "entrepot; hit, entrepot; fwd=miss; stored",
      digest,
    ]);
  });

  it("ends short at the client when its bytes are wrong, is a status when it is small, and is kept by nobody", async () => {
    const big = registry.pushBlob("org/app", bytes);
    const small = registry.pushBlob("org/app", seededBytes("small", 500_000));
    registry.misbehave({ on: "blob", temperament: temperaments.wrongByte(400_000) });
    expect((await node.ask(of(`org/app/blobs/${big}`))).isShort).toBe(true);
    const reply = await node.ask(of(`org/app/blobs/${small}`));
    expect([reply.status, errorOf(reply).code]).toEqual([502, "UNAVAILABLE"]);
    await Promise.all([node, parent].map((instance) => instance.settled()));
    expect(await node.metric("entrepot_store_blobs")).toBe(0);
    expect(await parent.metric("entrepot_store_blobs")).toBe(0);
  });

  it("is answered in parts, and the rest of what broke off is fetched as a part", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    const path = of(`org/app/blobs/${digest}`);
    const part = await node.ask(path, { headers: { range: "bytes=4000000-4999999" } });
    expect([part.status, part.headers["content-range"], part.body.equals(bytes.subarray(4_000_000))]).toEqual([
      206,
      "bytes 4000000-4999999/5000000",
      true,
    ]);
    expect(part.headers["cache-status"]).toBe("entrepot; fwd=miss, entrepot; fwd=miss");
    registry.misbehave({ on: "blob", times: 2, temperament: temperaments.truncate(2_000_000) });
    const whole = await node.ask(path);
    expect([whole.status, sha256(whole.body)]).toEqual([200, digest]);
  });

  it("goes on from the registry when the parent dies in the middle of it", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    const gate = createGate();
    registry.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(gate, 3_000_000) });
    const { statusCode, body } = await other.open(of(`org/app/blobs/${digest}`));
    const pieces: Buffer[] = [];
    let isGone = false;
    for await (const piece of body as AsyncIterable<Buffer>) {
      pieces.push(piece);
      if (!isGone && Buffer.concat(pieces).length >= 1_500_000) {
        isGone = true;
        await parent.stop();
        gate.release();
      }
    }
    expect([statusCode, sha256(Buffer.concat(pieces))]).toEqual([200, digest]);
    const [, second] = registry.requests.filter({ kind: "blob", method: "GET" });
    expect(second?.range).toMatch(/^bytes=[1-9]\d*-$/);
    await other.settled();
    expect((await other.ask(of(`org/app/blobs/${digest}`))).headers["cache-status"]).toBe("entrepot; hit");
  });

  it("passes through a parent that has no room, and is stored by the node", async () => {
    const full = await startNode({
      above: [registry.url],
      settings: { storage: { maxSize: "1MiB", minFree: "1MiB" } },
    });
    const child = await startNode({ above: [full] });
    const digest = registry.pushBlob("org/app", bytes);
    const path = of(`org/app/blobs/${digest}`);
    const reply = await child.ask(path);
    expect([reply.headers["cache-status"], sha256(reply.body)]).toEqual([
      "entrepot; fwd=miss, entrepot; fwd=miss; stored",
      digest,
    ]);
    await child.settled();
    expect((await child.ask(path)).headers["cache-status"]).toBe("entrepot; hit");
    expect(gets()).toBe(1);
    await child.remove();
    await full.remove();
  });
});

describe("HEAD of a cold blob", () => {
  it("is answered from the manifest: by the node that has it, and by the parent for one that does not", async () => {
    const { layers } = registry.pushImage("org/app", "1", { layers: [2_000_000] });
    const path = of(`org/app/blobs/${String(layers[0]?.digest)}`);
    await node.ask(of("org/app/manifests/1"));
    for (const instance of [node, other]) {
      const { status, headers } = await instance.ask(path, { method: "HEAD" });
      expect([status, headers["content-length"]]).toEqual([200, "2000000"]);
    }
    expect(registry.requests.count({ kind: "blob" })).toBe(0);
    expect(await parent.metric("entrepot_requests_total", { kind: "blob" })).toBe(1);
  });
});

describe("a digest through a repository that does not hold it", () => {
  it("is served by neither, though both have it", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    registry.pushImage("org/else", "1");
    await node.ask(of(`org/app/blobs/${digest}`));
    await Promise.all([node, parent].map((instance) => instance.settled()));
    for (const method of ["GET", "HEAD"]) {
      const reply = await node.ask(of(`org/else/blobs/${digest}`), { method });
      expect([method, reply.status]).toEqual([method, 404]);
    }
    expect(gets()).toBe(1);
  });

  it("is proven by what the parent says, once", async () => {
    const digest = registry.pushBlob("org/app", bytes);
    registry.pushBlob("org/fork", bytes);
    await node.ask(of(`org/app/blobs/${digest}`));
    await Promise.all([node, parent].map((instance) => instance.settled()));
    registry.requests.clear();
    for (let count = 0; count < 2; count += 1) {
      const reply = await node.ask(of(`org/fork/blobs/${digest}`));
      expect([reply.headers["cache-status"], sha256(reply.body)]).toEqual(["entrepot; hit", digest]);
    }
    expect(registry.requests.entries.map(({ method }) => method)).toEqual(["HEAD"]);
    expect(await parent.metric("entrepot_requests_total", { kind: "blob" })).toBe(2);
  });
});
