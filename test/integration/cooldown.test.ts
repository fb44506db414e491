import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { temperaments, startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const hour = 3_600_000;
const path = "/v2/library/demo/manifests/1";

let upstream: TestUpstream;
let instance: Instance;
let clock: ManualClock;

const start = async (tags: Record<string, unknown>): Promise<void> => {
  instance = await startInstance({
    clock,
    settings: { tags, upstreams: { "docker.io": { endpoints: [upstream.url] } } },
  });
};

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

const push = (size: number, tag = "1"): PushedImage => upstream.pushImage("library/demo", tag, { layers: [size] });
const digestOf = (reply: Reply): unknown => reply.headers["docker-content-digest"];
const both = async (): Promise<unknown[]> =>
  [await instance.ask(path, { method: "HEAD" }), await instance.ask(path)].map(digestOf);
const gets = (): number =>
  upstream.requests.count(({ method, kind }) => method === "GET" && kind.startsWith("manifest"));
const coolingLines = (): unknown[] => instance.log.filter(({ msg }) => String(msg).includes("cooldown"));

describe("a tag with a cooldown", () => {
  beforeEach(() => start({ cooldown: "24h" }));

  it("that was never seen before is served at once", async () => {
    const first = push(10);
    expect(await both()).toEqual([first.digest, first.digest]);
  });

  it("that has moved is answered with the version before, flagged, to HEAD and GET alike", async () => {
    const first = push(10);
    await instance.ask(path);
    push(20);
    clock.advance(hour);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(23 * hour - 1000);
    for (const method of ["HEAD", "GET"]) {
      const reply = await instance.ask(path, { method });
      expect([digestOf(reply), reply.headers["cache-status"], reply.headers["age"], reply.headers["warning"]]).toEqual([
        first.digest,
        "entrepot; hit; ttl=-82739; detail=cooldown",
        "82799",
        '299 - "the tag has moved, entrepot still serves the version before: cooldown"',
      ]);
    }
    expect(gets()).toBe(1);
    expect(coolingLines()).toHaveLength(1);
  });

  it("is believed once the new digest has been seen for so long, counted from when it was seen first", async () => {
    push(10);
    await instance.ask(path);
    clock.advance(5 * hour);
    const second = push(20);
    await instance.ask(path);
    clock.advance(24 * hour - 1);
    expect(await both()).not.toContain(second.digest);
    clock.advance(1);
    expect(await both()).toEqual([second.digest, second.digest]);
    const hit = await instance.ask(path);
    expect([digestOf(hit), hit.headers["cache-status"]]).toEqual([
      second.digest,
      expect.stringMatching(/^entrepot; hit; ttl=\d+$/),
    ]);
  });

  it("that moves again begins its cooldown anew, and one that moves back ends it", async () => {
    const first = push(10);
    await instance.ask(path);
    push(20);
    clock.advance(hour);
    await instance.ask(path);
    clock.advance(20 * hour);
    const third = push(30);
    await instance.ask(path);
    clock.advance(23 * hour);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(hour);
    expect(await both()).toEqual([third.digest, third.digest]);
    push(40);
    clock.advance(hour);
    await instance.ask(path);
    upstream.tag("library/demo", "1", third.digest);
    clock.advance(30 * hour);
    const back = await instance.ask(path);
    expect([digestOf(back), back.headers["cache-status"]]).toEqual([third.digest, "entrepot; hit; ttl=60"]);
  });

  it("is not believed earlier by no-cache, nor by a pull of the new digest, which itself is served", async () => {
    const first = push(10);
    await instance.ask(path);
    const second = push(20);
    clock.advance(hour);
    const forced = await instance.ask(path, { headers: { "cache-control": "no-cache" } });
    expect(digestOf(forced)).toBe(first.digest);
    const explicit = await instance.ask(`/v2/library/demo/manifests/${second.digest}`);
    expect([explicit.status, digestOf(explicit)]).toEqual([200, second.digest]);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(hour);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(23 * hour);
    const before = gets();
    expect(await both()).toEqual([second.digest, second.digest]);
    expect(gets()).toBe(before);
  });

  it("is held too where the new digest is stored already, under another tag", async () => {
    const first = push(10);
    const second = push(20, "2");
    await instance.ask(path);
    await instance.ask("/v2/library/demo/manifests/2");
    upstream.tag("library/demo", "1", second.digest);
    clock.advance(hour);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(24 * hour);
    expect(await both()).toEqual([second.digest, second.digest]);
  });

  it("is held too where the upstream's HEAD does not name a digest", async () => {
    const first = push(10);
    await instance.ask(path);
    const second = push(20);
    upstream.misbehave({ on: "manifest-tag", temperament: temperaments.noDigest() });
    clock.advance(hour);
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(24 * hour);
    expect(await both()).toEqual([second.digest, second.digest]);
  });

  it("goes on with its cooldown after a restart", async () => {
    const first = push(10);
    await instance.ask(path);
    const second = push(20);
    clock.advance(hour);
    await instance.ask(path);
    clock.advance(20 * hour);
    instance = await instance.restart();
    expect(await both()).toEqual([first.digest, first.digest]);
    clock.advance(4 * hour);
    expect(await both()).toEqual([second.digest, second.digest]);
  });

  it.each([
    ["is fetched again by its digest", true],
    ["gives way to the new one where nobody has it any more", false],
  ])("whose version before has been lost from the disk: it %s", async (_, isUpstream) => {
    const first = push(10);
    await instance.ask(path);
    const second = push(20);
    clock.advance(hour);
    await instance.ask(path);
    await instance.stop();
    const hex = first.digest.slice("sha256:".length);
    await rm(join(instance.directory, "data", "blobs", "sha256", hex.slice(0, 2), hex));
    instance = await instance.restart();
    if (!isUpstream) upstream.removeManifest("library/demo", first.digest);
    const served = isUpstream ? first.digest : second.digest;
    expect(await both()).toEqual([served, served]);
  });

  it("keeps the version before while the upstream is down", async () => {
    const first = push(10);
    await instance.ask(path);
    push(20);
    clock.advance(hour);
    await instance.ask(path);
    await upstream.stop();
    clock.advance(30 * hour);
    const stale = await instance.ask(path);
    expect([digestOf(stale), stale.headers["cache-status"]]).toEqual([
      first.digest,
      expect.stringContaining("detail=stale-upstream-unreachable"),
    ]);
  });
});

describe("a cooldown", () => {
  it("that is only audited tells of the move once, and serves it", async () => {
    await start({ cooldown: "24h", cooldownMode: "audit" });
    push(10);
    await instance.ask(path);
    const second = push(20);
    clock.advance(hour);
    expect(await both()).toEqual([second.digest, second.digest]);
    expect(coolingLines()).toMatchObject([{ tag: "1", repository: "library/demo", to: second.digest, isHeld: false }]);
  });

  it("holds only the tags that its pattern matches", async () => {
    await start({ patterns: [{ match: "v*", cooldown: "24h" }] });
    const release = push(10, "v1");
    await instance.ask("/v2/library/demo/manifests/v1");
    push(11);
    await instance.ask(path);
    const moved = push(20, "v1");
    upstream.tag("library/demo", "1", moved.digest);
    clock.advance(hour);
    expect(digestOf(await instance.ask("/v2/library/demo/manifests/v1"))).toBe(release.digest);
    expect(digestOf(await instance.ask(path))).toBe(moved.digest);
  });
});
