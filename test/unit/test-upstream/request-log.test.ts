import { Agent } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { createGate, startUpstream, temperaments, type TestUpstream } from "../../upstream/index.ts";
import { ask } from "./ask.ts";

describe("the request log of the test upstream", () => {
  let upstream: TestUpstream;

  beforeEach(async () => {
    upstream = await startUpstream();
  });
  afterEach(() => upstream.close());

  it("writes down what was asked, and how it was answered", async () => {
    const digest = upstream.pushBlob("a/b", "hello");
    const headers = { Range: "bytes=1-3", "X-Odd": "Yes" };
    await ask(`${upstream.url}/v2/a/b/blobs/${digest}?ns=x.test`, { headers });
    const [entry] = await upstream.requests.waitFor({ ended: "sent" });
    expect(entry).toMatchObject({
      method: "GET",
      path: `/v2/a/b/blobs/${digest}`,
      kind: "blob",
      repository: "a/b",
      reference: digest,
      range: "bytes=1-3",
      status: 206,
      bytesSent: 3,
    });
    expect(entry?.query.get("ns")).toBe("x.test");
    expect(entry?.rawHeaders).toContain("X-Odd");
  });

  it.each([
    ["/v2/", "ping"],
    ["/v2/a/manifests/latest", "manifest-tag"],
    [`/v2/a/b/manifests/sha256:${"0".repeat(64)}`, "manifest-digest"],
    ["/v2/a/tags/list?n=3", "tags"],
    [`/v2/a/referrers/sha256:${"0".repeat(64)}`, "referrers"],
    ["/token?scope=repository:a:pull", "token"],
    ["/v2/_catalog", "other"],
  ])("takes %s for a request of kind %s", async (path, kind) => {
    await ask(`${upstream.url}${path}`);
    expect(upstream.requests.entries).toMatchObject([{ kind }]);
  });

  it("tells who waits as soon as enough requests have come, and counts from anew when cleared", async () => {
    const gate = createGate();
    upstream.misbehave({ on: "ping", temperament: temperaments.gated(gate) });
    const both = upstream.requests.waitFor({ kind: "ping" }, 2);
    const answers = [ask(`${upstream.url}/v2/`), ask(`${upstream.url}/v2/`, { method: "HEAD" })];
    expect(await both).toHaveLength(2);
    expect(upstream.requests.count({ kind: "ping", method: "HEAD" })).toBe(1);
    gate.release();
    await Promise.all(answers);
    upstream.requests.clear();
    expect(upstream.requests.count()).toBe(0);
  });

  it("serves several requests on one kept connection, and ends it when closed", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let round = 0; round < 3; round += 1) await ask(`${upstream.url}/v2/`, { agent });
    expect(upstream.site("registry").connections).toBe(1);
    await upstream.close();
    expect(upstream.site("registry").connections).toBe(0);
    agent.destroy();
  });
});
