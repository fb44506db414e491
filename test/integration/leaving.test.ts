import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  instance = await startInstance({
    settings: {
      upstreams: { "docker.io": { endpoints: [upstream.url] } },
      serve: { idleTimeout: "300ms" },
      abandoned: { linger: "1ms" },
    },
  });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

/** Resolves when the connection has ended, whoever ended it; the client reads nothing meanwhile. */
function stallOn(path: string): Promise<void> {
  const { hostname, port, host } = new URL(instance.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  socket.on("error", () => undefined);
  return expect
    .poll(() => instance.log.filter(({ msg, isAborted }) => msg === "request" && isAborted === true).length, {
      timeout: 10_000,
    })
    .toBe(1)
    .finally(() => socket.destroy());
}

describe("a client that takes nothing any more", () => {
  it("is dropped from a blob, and counts as no error", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("a", 40_000_000));
    await instance.ask(`/v2/library/demo/blobs/${digest}`);
    await stallOn(`/v2/library/demo/blobs/${digest}`);
    expect(await instance.metric("entrepot_requests_total", { outcome: "error" })).toBe(0);
  });
});

describe("a client that leaves before its answer", () => {
  it("keeps no seat: the fill that nobody waits for is stopped", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("b", 40_000_000));
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate) });
    const controller = new AbortController();
    const asking = instance.ask(`/v2/library/demo/blobs/${digest}`, { signal: controller.signal });
    await gate.reached();
    controller.abort();
    await expect(asking).rejects.toThrow();
    await instance.settled();
    gate.release();
    expect(await instance.metric("entrepot_requests_total", { outcome: "error" })).toBe(0);
  });

  it("does not take the answer from others", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("c", 500_000));
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate) });
    const controller = new AbortController();
    const leaving = instance.ask(`/v2/library/demo/blobs/${digest}`, { signal: controller.signal });
    await gate.reached();
    const staying = instance.ask(`/v2/library/demo/blobs/${digest}`);
    await expect.poll(() => instance.metric("entrepot_flight_followers")).toBe(1);
    controller.abort();
    await expect(leaving).rejects.toThrow();
    gate.release();
    expect(sha256((await staying).body)).toBe(digest);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });
});
