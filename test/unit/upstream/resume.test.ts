import { describe, expect, it, onTestFinished } from "vitest";

import { createGate, seededBytes, startUpstream, temperaments, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, readAll, repositoryName, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");
const size = 2_000_000;
const bytes = seededBytes("blob", size);

async function start(options: UpstreamOptions = {}) {
  const registry = await startUpstream(options);
  onTestFinished(() => registry.close());
  return { registry, blob: registry.pushBlob(app, bytes) };
}

describe("a blob that", () => {
  it.each([
    ["breaks off", temperaments.truncate(700_000, "rst")],
    ["ends short", temperaments.truncate(700_000)],
    ["stalls", temperaments.stall(700_000)],
  ])("%s is resumed from the next byte, with a fresh redirect and token", async (_, temperament) => {
    const { registry, blob } = await start({ redirect: {}, auth: { kind: "bearer" } });
    registry.misbehave({ on: "cdn", times: 1, temperament });
    const { upstream, reports, delays } = connect(registry.url, { limits: { idleTimeoutMs: 300 } });
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    const reading = readAll(body?.chunks ?? fail());
    registry.revokeTokens();
    expect((await reading).equals(bytes)).toBe(true);
    expect(registry.cdn.requests.count()).toBe(2);
    expect(registry.cdn.requests.entries[1]?.range).toMatch(/^bytes=\d+-$/);
    expect(reports.resumes).toBe(1);
    expect(reports.tokens).toEqual([200, 200]);
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeLessThanOrEqual(200);
  });

  it("is restarted with a 200 comes once all the same", async () => {
    const { registry, blob } = await start();
    registry.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(700_000) });
    registry.misbehave({ on: "blob", temperament: temperaments.ignoresRange() });
    const { upstream, reports } = connect(registry.url);
    const body = await upstream.openBlob(app, blob, { from: 1000, to: 1_499_999 }, unhurried());
    expect((await readAll(body?.chunks ?? fail())).equals(bytes.subarray(1000, 1_500_000))).toBe(true);
    expect(reports.resumes).toBe(1);
  });

  it("is answered with a 200 to a Range is cut at both ends", async () => {
    const { registry, blob } = await start({ bytesPerSecond: 1_000_000 });
    registry.misbehave({ on: "blob", temperament: temperaments.ignoresRange() });
    const { upstream } = connect(registry.url);
    const body = await upstream.openBlob(app, blob, { from: 5, to: 9 }, unhurried());
    expect(body?.size).toBe(size);
    expect(await readAll(body?.chunks ?? fail())).toEqual(bytes.subarray(5, 10));
    await registry.requests.waitFor({ kind: "blob", ended: "left" });
  });

  it("comes without a length ends where its body ends", async () => {
    for (const temperament of [temperaments.chunked(), temperaments.noLength()]) {
      const { registry, blob } = await start();
      registry.misbehave({ on: "blob", temperament });
      const { upstream } = connect(registry.url);
      const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
      expect(body?.size).toBeUndefined();
      expect((await readAll(body?.chunks ?? fail())).equals(bytes)).toBe(true);
    }
  });

  it("is empty is empty", async () => {
    const { registry } = await start();
    const blob = registry.pushBlob(app, Buffer.alloc(0));
    const { upstream } = connect(registry.url);
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    expect(body?.size).toBe(0);
    expect(await readAll(body?.chunks ?? fail())).toHaveLength(0);
    expect(await upstream.proveBlob(app, blob, unhurried())).toMatchObject({ present: true });
  });

  it("never gets on is given up after the attempts", async () => {
    const { registry, blob } = await start();
    registry.misbehave({ on: "blob", temperament: temperaments.truncate(1000, "rst") });
    const { upstream, reports, delays } = connect(registry.url, { limits: { attempts: 4 } });
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    const error = await failureOf(readAll(body?.chunks ?? fail()));
    expect(error.kind).toBe("unreachable");
    expect(registry.requests.count({ kind: "blob" })).toBe(4);
    expect([reports.resumes, delays.length]).toEqual([3, 3]);
  });

  it("gets on by a mebibyte each time is never given up", async () => {
    const { registry } = await start();
    const large = seededBytes("large", 8_500_000);
    const blob = registry.pushBlob(app, large);
    registry.misbehave({ on: "blob", temperament: temperaments.truncate(1_500_000) });
    const { upstream } = connect(registry.url, { limits: { attempts: 2 } });
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    expect((await readAll(body?.chunks ?? fail())).equals(large)).toBe(true);
    expect(registry.requests.count({ kind: "blob" })).toBeGreaterThanOrEqual(5);
  });

  it.each([
    ["is gone", temperaments.status(404), "not-found", 404],
    ["is refused", temperaments.denied(), "denied", 403],
    ["has become shorter", temperaments.status(416), "bad-response", 416],
    ["has another length", temperaments.wrongContentRange("bytes 700000-2999999/3000000"), "bad-response", 206],
    ["continues elsewhere", temperaments.wrongContentRange("bytes 1-1999999/2000000"), "bad-response", 206],
    ["continues at an unknown length", temperaments.wrongContentRange("bytes 700000-1999999/*"), "bad-response", 206],
  ])("%s when it is resumed is an error", async (_, temperament, kind, status) => {
    const { registry, blob } = await start();
    registry.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(700_000) });
    registry.misbehave({ on: "blob", temperament });
    const { upstream } = connect(registry.url, { limits: { attempts: 3 } });
    const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
    expect(await failureOf(readAll(body?.chunks ?? fail()))).toMatchObject({ kind, status });
    // What the registry said is final; a 206 that does not fit may come right the next time.
    expect(registry.requests.count({ kind: "blob" })).toBe(status === 206 ? 3 : 2);
  });

  it("is left early has its connection closed at once", async () => {
    const { registry, blob } = await start({ bytesPerSecond: 1_000_000 });
    const { upstream, reports } = connect(registry.url);
    for (const leave of ["before", "during", "while waiting"] as const) {
      registry.requests.clear();
      const body = await upstream.openBlob(app, blob, { from: 0 }, unhurried());
      const iterator = (body?.chunks ?? fail())[Symbol.asyncIterator]();
      if (leave === "during") await iterator.next();
      const pending = leave === "while waiting" ? [iterator.next(), iterator.next(), iterator.next()] : [];
      await iterator.return?.();
      await registry.requests.waitFor({ kind: "blob", ended: "left" });
      await Promise.all(pending);
      expect((await iterator.next()).done).toBe(true);
    }
    expect(reports.resumes).toBe(0);
  });

  it("is aborted throws the caller's reason", async () => {
    const { registry, blob } = await start();
    const gate = createGate();
    registry.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(gate, 1000) });
    const { upstream } = connect(registry.url);
    const controller = new AbortController();
    const body = await upstream.openBlob(app, blob, { from: 0 }, controller);
    const iterator = (body?.chunks ?? fail())[Symbol.asyncIterator]();
    await iterator.next();
    const reason = { why: "enough" };
    const waiting = iterator.next();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await registry.requests.waitFor({ kind: "blob", ended: "left" });
    gate.release();
  });
});

describe("the wait between two attempts", () => {
  const startWaiting = async () => {
    const { registry, blob } = await start();
    registry.misbehave({ on: "blob", times: 1, temperament: temperaments.truncate(0, "rst") });
    registry.misbehave({ on: "blob", temperament: temperaments.rateLimited(20) });
    const { upstream } = connect(registry.url, { isPatient: true });
    const controller = new AbortController();
    const body = await upstream.openBlob(app, blob, { from: 0 }, controller);
    const iterator = (body?.chunks ?? fail())[Symbol.asyncIterator]();
    const waiting = iterator.next();
    waiting.catch(() => undefined);
    await registry.requests.waitFor({ kind: "blob", status: 429 });
    return { controller, iterator, waiting, upstream };
  };

  it("ends with the caller's reason", async () => {
    const { controller, waiting } = await startWaiting();
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
  });

  it("ends when the caller returns", async () => {
    const { iterator, waiting } = await startWaiting();
    await iterator.return?.();
    expect((await waiting).done).toBe(true);
  });

  it("ends when the client closes", async () => {
    const { waiting, upstream } = await startWaiting();
    await upstream.close();
    await expect(waiting).rejects.toMatchObject({ kind: "unreachable" });
  });
});

function fail(): never {
  throw new Error("no body");
}
