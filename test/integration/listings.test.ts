import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { errorOf } from "../support/reply.ts";
import { startUpstream, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({ tagsPaging: { pageSize: 3, cursor: "opaque" } });
  instance = await startInstance({ clock, settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

interface TagList {
  name: string;
  tags: string[];
}
const listOf = (reply: Reply): TagList => JSON.parse(reply.body.toString()) as TagList;

interface Index {
  manifests: { digest: string; artifactType?: string }[];
}
const indexOf = (reply: Reply): Index => JSON.parse(reply.body.toString()) as Index;

describe("a tag list", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];

  it("is collected over the upstream's pages, and cut into ours with links that keep ns", async () => {
    for (const name of names) upstream.pushImage("library/demo", name);
    const first = await instance.ask("/v2/library/demo/tags/list?n=4&ns=docker.io");
    expect(listOf(first)).toEqual({ name: "library/demo", tags: ["a", "b", "c", "d"] });
    expect(first.headers["link"]).toBe('</v2/library/demo/tags/list?n=4&last=d&ns=docker.io>; rel="next"');
    const second = await instance.ask("/v2/library/demo/tags/list?n=4&last=d&ns=docker.io");
    expect([listOf(second).tags, second.headers["link"]]).toEqual([["e", "f", "g"], undefined]);
    expect(upstream.requests.count({ kind: "tags" })).toBe(3);
  });

  it("keeps the prefix in its links, gives all without n, nothing for n=0, and goes on behind a last that is gone", async () => {
    for (const name of names) upstream.pushImage("library/demo", name);
    const prefixed = await instance.ask("/v2/docker.io/demo/tags/list?n=2");
    expect(prefixed.headers["link"]).toBe('</v2/docker.io/demo/tags/list?n=2&last=b>; rel="next"');
    expect(listOf(await instance.ask("/v2/demo/tags/list")).tags).toEqual(names);
    const none = await instance.ask("/v2/demo/tags/list?n=0");
    expect([listOf(none).tags, none.headers["link"]]).toEqual([[], undefined]);
    expect(listOf(await instance.ask("/v2/demo/tags/list?last=bb")).tags).toEqual(["c", "d", "e", "f", "g"]);
    expect((await instance.ask("/v2/demo/tags/list?n=-1")).status).toBe(400);
  });

  it("is kept for the freshness period, and served stale when the upstream is down", async () => {
    upstream.pushImage("library/demo", "a");
    await instance.ask("/v2/library/demo/tags/list");
    await upstream.stop();
    expect((await instance.ask("/v2/library/demo/tags/list")).headers["cache-status"]).toBe("entrepot; hit; ttl=60");
    clock.advance(120_000);
    const stale = await instance.ask("/v2/library/demo/tags/list");
    expect([stale.status, listOf(stale).tags, stale.headers["age"]]).toEqual([200, ["a"], "120"]);
    expect(stale.headers["cache-status"]).toContain("detail=stale-");
  });

  it("of an unknown repository is NAME_UNKNOWN", async () => {
    expect(errorOf(await instance.ask("/v2/library/none/tags/list")).code).toBe("NAME_UNKNOWN");
  });
});

describe("referrers", () => {
  for (const referrersApi of [true, false, "html-redirect"] as const) {
    it(`are listed and filtered where the upstream's API is ${String(referrersApi)}`, async () => {
      upstream.settings.referrersApi = referrersApi;
      const image = upstream.pushImage("library/demo", "1");
      const signature = upstream.pushReferrer("library/demo", image.digest, {
        artifactType: "application/vnd.test.signature+json",
      });
      const bill = upstream.pushReferrer("library/demo", image.digest, { artifactType: "application/vnd.test.sbom" });
      const path = `/v2/library/demo/referrers/${image.digest}`;
      const all = await instance.ask(path);
      expect(all.headers["content-type"]).toBe("application/vnd.oci.image.index.v1+json");
      expect(
        indexOf(all)
          .manifests.map(({ digest }) => digest)
          .sort(),
      ).toEqual([signature.digest, bill.digest].sort());
      const asked = upstream.requests.entries.length;
      const filtered = await instance.ask(`${path}?artifactType=application%2Fvnd.test.signature%2Bjson&ns=docker.io`);
      expect(indexOf(filtered).manifests.map(({ digest }) => digest)).toEqual([signature.digest]);
      expect(filtered.headers["oci-filters-applied"]).toBe("artifactType");
      expect(upstream.requests.entries.length).toBe(asked);
      await upstream.stop();
      clock.advance(120_000);
      expect(indexOf(await instance.ask(path)).manifests).toHaveLength(2);
    });
  }

  it("of a digest without any are an empty index, never 404", async () => {
    const image = upstream.pushImage("library/demo", "1");
    const reply = await instance.ask(`/v2/library/demo/referrers/${image.digest}`);
    expect([reply.status, indexOf(reply).manifests]).toEqual([200, []]);
  });
});
