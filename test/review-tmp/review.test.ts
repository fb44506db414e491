import { afterEach, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";
let upstream: TestUpstream; let instance: Instance;
afterEach(async () => { await instance.remove(); await upstream.close(); });
async function start(extra: Record<string, unknown> = {}, limits: Record<string, unknown> = {}) {
  upstream = await startUpstream({});
  instance = await startInstance({ settings: { upstreams: { "docker.io": { endpoints: [upstream.url], limits } }, ...extra } });
}
it("F1: a 404 in one repository poisons another that holds it", async () => {
  await start();
  const bytes = seededBytes("a", 500_000);
  const digest = upstream.pushBlob("good/repo", bytes);
  const gate = createGate();
  upstream.misbehave({ on: "blob", method: "GET", repository: "evil/none", temperament: temperaments.gated(gate) });
  const evil = instance.ask(`/v2/evil/none/blobs/${digest}`);
  await gate.reached();
  const good = instance.ask(`/v2/good/repo/blobs/${digest}`);
  await expect.poll(() => instance.metric("entrepot_flight_followers")).toBe(1);
  gate.release();
  const g = await good;
  console.log("F1", (await evil).status, g.status, g.body.length < 300 ? g.body.toString() : sha256(g.body) === digest);
  const again = await instance.ask(`/v2/good/repo/blobs/${digest}`);
  console.log("F1 again", again.status);
});
it("F2: a chunked blob without room is read into memory whole before the header", async () => {
  await start({ storage: { maxSize: "1MiB", minFree: "1MiB" } });
  const bytes = seededBytes("b", 60_000_000);
  const digest = upstream.pushBlob("good/repo", bytes);
  upstream.misbehave({ on: "blob", method: "GET", temperament: [temperaments.chunked(), temperaments.slow(30_000_000)] });
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0; const t = setInterval(() => { peak = Math.max(peak, process.memoryUsage().arrayBuffers); }, 20);
  const at = performance.now();
  const r = await instance.open(`/v2/good/repo/blobs/${digest}`);
  console.log("F2 header after ms", performance.now() - at, r.statusCode, r.headers["content-length"], "arrayBuffers grew MB", (peak - before) / 1e6);
  clearInterval(t);
  await r.body.dump({ limit: 1e9 });
});
it("F3: a follower from another repository waits far beyond answerWithin", async () => {
  await start({}, { answerWithin: "1s", headerTimeout: "3s", idleTimeout: "3s", attempts: 2 });
  const digest = upstream.pushBlob("good/repo", seededBytes("c", 2_000_000));
  upstream.pushBlob("other/repo", seededBytes("c", 2_000_000));
  upstream.misbehave({ on: "blob", method: "GET", repository: "other/repo", temperament: temperaments.stall(0) });
  const at = performance.now();
  const took = async (p: Promise<{ status: number }>) => [(await p).status, Math.round(performance.now() - at)];
  const first = took(instance.ask(`/v2/other/repo/blobs/${digest}`));
  await expect.poll(() => upstream.requests.count({ kind: "blob" })).toBe(1);
  const second = took(instance.ask(`/v2/good/repo/blobs/${digest}`));
  console.log("F3", await first, await second);
});
