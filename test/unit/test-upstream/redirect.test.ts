import { afterEach, describe, expect, it } from "vitest";

import { startUpstream, type TestUpstream, type UpstreamOptions } from "../../upstream/index.ts";
import { ask } from "./ask.ts";

describe("the redirects of the test upstream", () => {
  let upstream: TestUpstream;
  let now = 1_000_000;
  afterEach(() => upstream.close());

  async function redirected(redirect: UpstreamOptions["redirect"]): Promise<string> {
    upstream = await startUpstream({ now: () => now, redirect: { blobs: true, ...redirect } });
    const answer = await ask(`${upstream.url}/v2/a/blobs/${upstream.pushBlob("a", "hello")}`);
    expect(answer.status).toBe(redirect?.status ?? 307);
    return String(answer.headers.location);
  }

  it("serve a blob from another origin, once for each signature", async () => {
    const location = await redirected({});
    expect(location.startsWith(upstream.url)).toBe(false);
    expect((await ask(location)).body.toString()).toBe("hello");
    expect((await ask(location)).status).toBe(403);
    expect(upstream.cdn.requests.count()).toBe(2);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
    expect(upstream.requests.bytes({ kind: "cdn", status: 200 })).toBe(5);
  });

  it("expire with their signature", async () => {
    const location = await redirected({ signature: "expiring", expiresInMs: 1000 });
    const range = { headers: { range: "bytes=1-2" } };
    expect((await ask(location, range)).body.toString()).toBe("el");
    now += 1000;
    expect((await ask(location)).status).toBe(403);
  });

  it("refuse HEAD, and a credential that was sent along", async () => {
    const location = await redirected({ refusesHead: true, status: 302 });
    expect((await ask(location, { method: "HEAD" })).status).toBe(403);
    expect((await ask(location, { headers: { authorization: "Bearer x" } })).status).toBe(400);
    expect(upstream.cdn.requests.count((request) => request.headers.authorization !== undefined)).toBe(1);
    expect((await ask(location)).status).toBe(200);
  });

  it("lead manifests away too when told to, but nothing that is absent", async () => {
    await redirected({ manifests: true });
    const image = upstream.pushImage("a", "1");
    const answer = await ask(`${upstream.url}/v2/a/manifests/1`);
    const there = await ask(String(answer.headers.location));
    expect(there.body).toEqual(image.manifest);
    expect(there.headers["content-type"]).toBe(image.mediaType);
    expect((await ask(`${upstream.url}/v2/a/manifests/2`)).status).toBe(404);
  });
});
