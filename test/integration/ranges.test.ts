import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { sha256 } from "../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const MiB = 1024 * 1024;

let upstream: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  instance = await startInstance({
    clock,
    settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } }, limits: { attempts: 1 } },
  });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

const blob = (digest: string): string => `/v2/library/demo/blobs/${digest}`;
const ranges = (): (string | undefined)[] =>
  upstream.requests.filter({ kind: "blob", method: "GET" }).map(({ range }) => range);

describe("a Range on a blob that is being filled", () => {
  it("is answered 206 from the growing file, by one upstream request for all", async () => {
    const bytes = seededBytes("a", 8 * MiB);
    const digest = upstream.pushBlob("library/demo", bytes);
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 5 * MiB) });
    const whole = instance.ask(blob(digest), { headers: { range: "bytes=0-" } });
    await gate.reached();
    const early = await instance.ask(blob(digest), { headers: { range: "bytes=1000-1999" } });
    expect([early.status, early.headers["content-range"], early.headers["content-length"]]).toEqual([
      206,
      `bytes 1000-1999/${8 * MiB}`,
      "1000",
    ]);
    expect(early.body.equals(bytes.subarray(1000, 2000))).toBe(true);
    const late = instance.ask(blob(digest), { headers: { range: `bytes=${7 * MiB}-` } });
    gate.release();
    expect((await late).body.equals(bytes.subarray(7 * MiB))).toBe(true);
    expect([(await whole).status, sha256((await whole).body)]).toEqual([206, digest]);
    expect(ranges()).toEqual([undefined]);
  });

  it("is answered by one upstream request for all, where all parts are asked for in the same moment", async () => {
    const image = upstream.pushImage("library/demo", "1", { layers: [8 * MiB] });
    await instance.ask("/v2/library/demo/manifests/1");
    const digest = image.layers[0]?.digest ?? "";
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 4 * MiB) });
    const parts = [0, 2, 4, 6].map((from) =>
      instance.ask(blob(digest), { headers: { range: `bytes=${from * MiB}-` } }),
    );
    await gate.reached();
    gate.release();
    expect((await Promise.all(parts)).map(({ status }) => status)).toEqual([206, 206, 206, 206]);
    expect(ranges()).toEqual([undefined]);
  });

  it("and hung up early, as containerd's parallel fetch does, disturbs neither the fill nor the error count", async () => {
    const bytes = seededBytes("b", 20 * MiB);
    const digest = upstream.pushBlob("library/demo", bytes);
    const parts: Buffer[] = [];
    for (let from = 0; from < bytes.length; from += 4 * MiB) {
      const controller = new AbortController();
      const response = await instance.open(blob(digest), {
        headers: { range: `bytes=${from}-` },
        signal: controller.signal,
      });
      expect([response.statusCode, response.headers["content-length"]]).toEqual([206, String(bytes.length - from)]);
      response.body.on("error", () => undefined);
      let part = Buffer.alloc(0);
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        part = Buffer.concat([part, chunk]);
        if (part.length >= 4 * MiB) break;
      }
      controller.abort();
      parts.push(part.subarray(0, 4 * MiB));
    }
    expect(sha256(Buffer.concat(parts))).toBe(digest);
    await instance.settled();
    expect(ranges()).toEqual([undefined]);
    expect(await instance.metric("entrepot_requests_total", { outcome: "error" })).toBe(0);
  });
});

describe("a Range on a blob that nobody fills", () => {
  it("that begins further on is its own upstream request, and starts a fill once a quarter has been asked for", async () => {
    const bytes = seededBytes("c", 100 * MiB);
    const digest = upstream.pushBlob("library/demo", bytes);
    const first = await instance.ask(blob(digest), { headers: { range: `bytes=${90 * MiB}-${95 * MiB - 1}` } });
    expect([first.status, first.headers["cache-status"]]).toEqual([206, "entrepot; fwd=miss"]);
    expect(first.body.equals(bytes.subarray(90 * MiB, 95 * MiB))).toBe(true);
    expect(ranges()).toEqual([`bytes=${90 * MiB}-${95 * MiB - 1}`]);
    const second = await instance.ask(blob(digest), { headers: { range: `bytes=${70 * MiB}-${95 * MiB - 1}` } });
    expect(second.body.equals(bytes.subarray(70 * MiB, 95 * MiB))).toBe(true);
    expect(ranges()).toContain(undefined);
  });

  it("is 416 where it lies behind the end, and a suffix counts from the end", async () => {
    const bytes = seededBytes("d", 3 * MiB);
    const digest = upstream.pushBlob("library/demo", bytes);
    const behind = await instance.ask(blob(digest), { headers: { range: `bytes=${3 * MiB}-` } });
    expect([behind.status, behind.headers["content-range"]]).toEqual([416, `bytes */${3 * MiB}`]);
    const suffix = await instance.ask(blob(digest), { headers: { range: "bytes=-100" } });
    expect([suffix.status, suffix.body.equals(bytes.subarray(-100))]).toEqual([206, true]);
  });
});

describe("a fill that broke off", () => {
  it("is gone on with from its part when the client resumes by Range", async () => {
    const bytes = seededBytes("e", 8 * MiB);
    const digest = upstream.pushBlob("library/demo", bytes);
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(5 * MiB, "fin") });
    const short = await instance.ask(blob(digest));
    expect([short.status, short.isShort]).toEqual([200, true]);
    expect(await instance.staging()).toHaveLength(1);
    const rest = await instance.ask(blob(digest), { headers: { range: `bytes=${short.body.length}-` } });
    expect([rest.status, rest.headers["content-range"]]).toEqual([
      206,
      `bytes ${short.body.length}-${8 * MiB - 1}/${8 * MiB}`,
    ]);
    expect(sha256(Buffer.concat([short.body, rest.body]))).toBe(digest);
    await instance.settled();
    expect((await instance.ask(blob(digest))).headers["cache-status"]).toBe("entrepot; hit");
    expect(ranges()).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  it("and cannot go on is 503 to the client that resumes, which then asks elsewhere", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("f", 8 * MiB));
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(5 * MiB, "fin") });
    upstream.misbehave({ on: "blob", temperament: temperaments.status(500) });
    const short = await instance.ask(blob(digest));
    const rest = await instance.ask(blob(digest), { headers: { range: `bytes=${short.body.length}-` } });
    expect(rest.status).toBe(503);
  });

  it("is forgotten after a minute, with its part", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("g", 8 * MiB));
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(5 * MiB, "fin") });
    await instance.ask(blob(digest));
    clock.advance(61_000);
    await expect.poll(() => instance.staging()).toEqual([]);
    expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
  });
});

describe("a fill whose clients have all left", () => {
  it("is stopped after linger when little of it is there, and the part is gone on with later", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("h", 40 * MiB));
    const gate = createGate();
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(gate, 2 * MiB) });
    const controller = new AbortController();
    const reading = await instance.open(blob(digest), { signal: controller.signal });
    reading.body.on("error", () => undefined);
    await gate.reached();
    controller.abort();
    await expect.poll(() => clock.pendingTimers).toBeGreaterThan(0);
    clock.advance(5000);
    await upstream.requests.waitFor({ kind: "blob", ended: "left" });
    gate.release();
    expect(sha256((await instance.ask(blob(digest))).body)).toBe(digest);
    expect(ranges()).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  it("goes on when it is small", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("i", 5 * MiB));
    const gate = createGate();
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(gate, 2 * MiB) });
    const controller = new AbortController();
    const reading = await instance.open(blob(digest), { signal: controller.signal });
    reading.body.on("error", () => undefined);
    await gate.reached();
    controller.abort();
    gate.release();
    await instance.settled();
    expect((await instance.ask(blob(digest))).headers["cache-status"]).toBe("entrepot; hit");
    expect(ranges()).toEqual([undefined]);
  });
});
