import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import type { Temperament } from "../../upstream/index.ts";
import { ask } from "./ask.ts";
import { rawAnswer } from "./raw-answer.ts";

describe("a misbehaving test upstream", () => {
  const bytes = seededBytes("blob", 1000);
  let upstream: TestUpstream;
  let url: string;

  beforeEach(async () => {
    upstream = await startUpstream();
    url = `${upstream.url}/v2/a/blobs/${upstream.pushBlob("a", bytes)}`;
  });
  afterEach(() => upstream.close());

  function misbehave(...temperament: Temperament[]): void {
    upstream.misbehave({ on: "blob", temperament });
  }

  it.each([
    ["truncate with FIN", temperaments.truncate(500)],
    ["truncate with RST", temperaments.truncate(500, "rst")],
    ["truncate the last byte", temperaments.truncate(-1)],
    ["reset", temperaments.reset()],
    ["garbage", temperaments.garbage()],
    ["a length too long", temperaments.wrongLength(1)],
  ])("breaks off: %s", async (_, temperament) => {
    misbehave(temperament);
    await expect(ask(url)).rejects.toThrow();
    expect(upstream.requests.entries).toHaveLength(1);
  });

  it("sends the bytes before the cut, under the full length", async () => {
    misbehave(temperaments.truncate(500));
    const answer = await rawAnswer(url);
    expect(answer.header).toContain("content-length: 1000");
    expect(answer.body).toEqual(bytes.subarray(0, 500));
    expect(upstream.requests.entries).toMatchObject([{ status: 200, bytesSent: 500, ended: "cut" }]);
  });

  it("inverts one byte", async () => {
    misbehave(temperaments.wrongByte(999));
    const { body } = await ask(url);
    expect(body.subarray(0, 999)).toEqual(bytes.subarray(0, 999));
    expect(body[999]).toBe((bytes[999] ?? 0) ^ 0xff);
  });

  it("sends more than it announced", async () => {
    misbehave(temperaments.extraBytes(7));
    const answer = await rawAnswer(url);
    expect(answer.header).toContain("content-length: 1000");
    expect(answer.body.length).toBe(1007);
    upstream.behave();
    misbehave(temperaments.wrongLength(-1));
    const short = await rawAnswer(url);
    expect(short.header).toContain("content-length: 999");
    expect(short.body).toEqual(bytes);
  });

  it("frames its body by the connection, or in chunks", async () => {
    misbehave(temperaments.noLength());
    const close = await rawAnswer(url);
    expect(close.header).not.toMatch(/content-length|transfer-encoding/);
    expect(close.header).toContain("connection: close");
    expect(close.body).toEqual(bytes);
    upstream.behave();
    misbehave(temperaments.chunked());
    const chunked = await ask(url);
    expect(chunked.headers["transfer-encoding"]).toBe("chunked");
    expect(chunked.body).toEqual(bytes);
  });

  it("lies in its headers", async () => {
    misbehave(temperaments.wrongDigest(), temperaments.noContentType());
    const wrong = await ask(url);
    expect(wrong.headers["docker-content-digest"]).toMatch(/^sha256:/);
    expect(url).not.toContain(wrong.headers["docker-content-digest"]);
    expect(wrong.headers["content-type"]).toBeUndefined();
    upstream.behave();
    misbehave(temperaments.noDigest(), temperaments.wrongContentType("text/html"));
    const none = await ask(url);
    expect(none.headers).not.toHaveProperty("docker-content-digest");
    expect(none.headers["content-type"]).toBe("text/html");
  });

  it.each([
    [temperaments.unauthorized(), 401, "UNAUTHORIZED"],
    [temperaments.challengeLoop(), 401, "UNAUTHORIZED"],
    [temperaments.denied(), 403, "DENIED"],
    [temperaments.rateLimited(30), 429, "TOOMANYREQUESTS"],
  ])("refuses with a registry's body: $name", async (temperament, status, code) => {
    misbehave(temperament);
    const answer = await ask(url);
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ errors: [{ code }] });
    if (status === 429) expect(answer.headers["retry-after"]).toBe("30");
  });

  it("answers as gateways and portals do", async () => {
    upstream.misbehave({ on: "any", times: 1, temperament: temperaments.status(502) });
    upstream.misbehave({ on: "any", times: 1, temperament: temperaments.htmlPage() });
    upstream.misbehave({ on: "any", times: 1, temperament: temperaments.redirectLoop() });
    upstream.misbehave({ on: "any", times: 1, temperament: temperaments.redirectTo("file:///etc/passwd") });
    expect(await ask(url)).toMatchObject({ status: 502, body: Buffer.alloc(0) });
    expect((await ask(url)).headers["content-type"]).toContain("text/html");
    expect(new URL(String((await ask(url)).headers.location)).pathname).toBe(new URL(url).pathname);
    expect((await ask(url)).headers.location).toBe("file:///etc/passwd");
    expect((await ask(url)).status).toBe(200);
  });

  it("mistreats ranges", async () => {
    const headers = { range: "bytes=10-19" };
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.ignoresRange() });
    expect(await ask(url, { headers })).toMatchObject({ status: 200, body: bytes });
    misbehave(temperaments.wrongContentRange());
    expect((await ask(url, { headers })).headers["content-range"]).toBe("bytes 11-20/1001");
  });

  it("sets headers, and swaps bytes under the same ones", async () => {
    misbehave(temperaments.headers({ "ratelimit-remaining": "3;w=21600" }, ["etag"]), temperaments.otherBody("other"));
    const answer = await ask(url);
    expect(answer.headers).toMatchObject({ "ratelimit-remaining": "3;w=21600", "content-length": "5" });
    expect(answer.headers).not.toHaveProperty("etag");
    expect(answer.body.toString()).toBe("other");
  });

  it("compresses although nobody asked", async () => {
    misbehave(temperaments.gzip());
    const answer = await ask(url);
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(answer.body)).toEqual(bytes);
  });

  it("holds a body at a gate until the test lets it go", async () => {
    const gate = createGate();
    misbehave(temperaments.gated(gate, -1));
    const answer = ask(url);
    await gate.reached();
    expect(upstream.requests.bytes({ kind: "blob" })).toBe(999);
    gate.release();
    expect((await answer).body).toEqual(bytes);
  });

  it("holds a header at a gate, one request at a time", async () => {
    const gate = createGate();
    misbehave(temperaments.gated(gate));
    const answers = [ask(url), ask(url)];
    await gate.reached(2);
    expect(upstream.requests.count({ status: 0 })).toBe(2);
    gate.releaseOne();
    expect((await Promise.race(answers)).status).toBe(200);
    expect(upstream.requests.count({ status: 0 })).toBe(1);
    gate.release();
    await Promise.all(answers);
  });

  it("keeps to the rate it was given", async () => {
    misbehave(temperaments.slow(5000), temperaments.delay(20));
    const startedAt = performance.now();
    expect((await ask(url)).body).toEqual(bytes);
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    upstream.behave();
    upstream.throttle.bytesPerSecond = 5000;
    await ask(url);
    expect(performance.now() - startedAt).toBeGreaterThan(380);
  });

  it.each([temperaments.silent(), temperaments.stall(10), temperaments.endless()])(
    "never finishes: $name; it notices that the client left",
    async (temperament) => {
      misbehave(temperament);
      const left = new AbortController();
      const answer = rawAnswer(url, left.signal);
      await upstream.requests.waitFor({ kind: "blob" });
      if (temperament.name !== "silent") await upstream.requests.waitFor((request) => request.bytesSent > 0);
      left.abort();
      await answer;
      await upstream.requests.waitFor({ ended: "left" });
    },
  );

  it("never answers on a silent port, and resets on a hostile one", async () => {
    upstream.site("registry").onConnect = "reset";
    await expect(ask(url)).rejects.toMatchObject({ code: "ECONNRESET" });
    upstream.site("registry").onConnect = "silent";
    const answer = ask(url);
    const refused = expect(answer).rejects.toThrow();
    await upstream.site("registry").connected();
    await upstream.stop();
    await refused;
    expect(upstream.requests.count()).toBe(0);
  });

  it("misbehaves only where, when and as often as the rule says", async () => {
    const temperament = temperaments.status(500);
    const rule = upstream.misbehave({ on: "blob", method: "GET", repository: "a", skip: 1, times: 1, temperament });
    expect((await ask(url, { method: "HEAD" })).status).toBe(200);
    expect((await ask(url)).status).toBe(200);
    expect((await ask(url)).status).toBe(500);
    expect((await ask(url)).status).toBe(200);
    expect(rule.hits).toBe(1);
  });

  it("does not use up a rule on a request without a token", async () => {
    upstream.authorization.settings.kind = "bearer";
    upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.status(500) });
    upstream.misbehave({
      on: "token",
      times: 1,
      temperament: temperaments.status(200, "{not json", "application/json"),
    });
    expect((await ask(url)).status).toBe(401);
    expect((await ask(`${upstream.url}/token`)).body.toString()).toBe("{not json");
    const { token } = (await ask(`${upstream.url}/token?scope=repository:a:pull`)).json() as { token: string };
    expect((await ask(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(500);
    expect(upstream.requests.count({ kind: "blob", isRefused: true })).toBe(1);
  });
});
