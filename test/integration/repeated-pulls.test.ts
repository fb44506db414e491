import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AdminApi } from "../support/admin-api.ts";
import { eventually } from "../support/eventually.ts";
import { startInstance, type AskOptions, type Instance, type Reply } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { sha256 } from "../support/reply.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { seededBytes, startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const tagPath = `/v2/${repository}/manifests/1`;
const name = `docker.io/${repository}:1`;
const leaseMs = 15 * 60_000;

let upstream: TestUpstream;
let instance: Instance;
let api: AdminApi;
let clock: ManualClock;
let image: PushedImage;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  image = upstream.pushImage(repository, "1", { layers: [seededBytes("layer", 5000)] });
  instance = await startInstance({ clock, settings: settings() });
  api = apiOf(instance);
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function settings(policy: Record<string, unknown> = {}): Record<string, unknown> {
  return { upstreams: { "docker.io": { endpoints: [upstream.url], ...policy } } };
}

function layerPath(): string {
  return `/v2/${repository}/blobs/${String(image.layers[0]?.digest)}`;
}

function paths(): string[] {
  return [tagPath, `/v2/${repository}/manifests/${image.digest}`, layerPath()];
}

/** Asks until the answer no longer says anything new: fetched, then looked up, then given again. */
async function often(path: string, options: AskOptions = {}): Promise<Reply> {
  await instance.ask(path, options);
  await instance.settled();
  for (let at = 0; at < 3; at += 1) await instance.ask(path, options);
  return instance.ask(path, options);
}

function said({ status, headers, body }: Reply): unknown {
  return { status, headers: { ...headers, date: "" }, body: body.toString("latin1") };
}

describe("what has been pulled again and again", () => {
  it("is answered as it was when it was looked up, to GET and to HEAD", async () => {
    for (const path of paths()) {
      await instance.ask(path);
      await instance.settled();
      for (const method of ["GET", "HEAD"]) {
        const lookedUp = await instance.ask(path, { method, headers: { "cache-control": "max-age=60" } });
        expect(said(await often(path, { method }))).toEqual(said(lookedUp));
        expect(lookedUp.status).toBe(200);
      }
    }
    expect(upstream.requests.count({ method: "GET" })).toBe(2);
  });

  it("grows older, and is checked when its tag is not fresh any more", async () => {
    await often(tagPath);
    clock.advance(20_000);
    const older = await often(tagPath);
    expect([older.headers["age"], older.headers["cache-status"]]).toEqual(["20", "entrepot; hit; ttl=40"]);
    const moved = upstream.pushImage(repository, "1", { layers: [10] });
    clock.advance(39_000);
    expect(sha256((await instance.ask(tagPath)).body)).toBe(image.digest);
    clock.advance(1000);
    expect(sha256((await instance.ask(tagPath)).body)).toBe(moved.digest);
  });

  it("is checked when the clock has gone back behind the last check", async () => {
    await often(tagPath);
    const moved = upstream.pushImage(repository, "1", { layers: [10] });
    clock.advance(-5000);
    expect(sha256((await instance.ask(tagPath)).body)).toBe(moved.digest);
  });

  it("is another image as soon as its tag has been refreshed or rolled back", async () => {
    await often(tagPath);
    const moved = upstream.pushImage(repository, "1", { layers: [10] });
    await api.refresh(name);
    expect(sha256((await often(tagPath)).body)).toBe(moved.digest);
    await api.rollback(name, image.digest);
    const back = await often(tagPath);
    expect([sha256(back.body), back.headers["cache-status"]]).toEqual([
      image.digest,
      expect.stringContaining("rolled-back"),
    ]);
  });

  it("is fetched again once it has been evicted", async () => {
    for (const path of paths()) await often(path);
    clock.advance(leaseMs + 1000);
    await api.evict({ image: name });
    upstream.requests.clear();
    for (const path of paths()) expect((await instance.ask(path)).status).toBe(200);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
    expect(upstream.requests.filter(({ kind }) => kind.startsWith("manifest")).length).toBeGreaterThan(0);
  });

  it("counts as pulled each time, so that it stays when others go", async () => {
    const other = upstream.pushImage(repository, "2", { layers: [seededBytes("other", 5000)] });
    const otherLayer = `/v2/${repository}/blobs/${String(other.layers[0]?.digest)}`;
    for (const path of [...paths(), `/v2/${repository}/manifests/2`, otherLayer]) await often(path);
    for (let minutes = 0; minutes < 20; minutes += 1) {
      clock.advance(60_000);
      // A digest is a hit for ever: nothing is looked up for it.
      for (const path of paths().slice(1)) await instance.ask(path);
    }
    await api.evict({ freeBytes: 1000 });
    const state = async (digest: string): Promise<string> => (await api.explain(digest)).state;
    await eventually(async () => expect(await state(other.digest)).not.toBe("present"));
    expect(await state(image.digest)).toBe("present");
  });

  it.each([
    ["its repository is denied", { deny: [repository] }, 404],
    ["nothing but others is allowed", { allow: ["library/other"] }, 404],
  ])("is refused at once when %s by a reload", async (_, policy, status) => {
    for (const path of paths()) await often(path);
    await instance.configure(settings(policy));
    await instance.app.reload();
    for (const path of paths()) expect((await instance.ask(path)).status).toBe(status);
  });

  it("is refused at once when its digest is denied by a reload", async () => {
    for (const path of paths()) await often(path);
    await instance.configure({ ...settings(), denyDigests: [image.digest] });
    await instance.app.reload();
    for (const path of paths().slice(0, 2)) expect((await instance.ask(path)).status).toBe(403);
  });

  it("is nothing to a repository that does not hold it", async () => {
    for (const path of paths()) await often(path);
    for (const path of paths().slice(1)) {
      expect((await instance.ask(path.replace(repository, "library/other"))).status).toBe(404);
    }
  });

  it("is answered in part, not at all, or after a check to whoever asks for that", async () => {
    for (const path of paths()) await often(path);
    const part = await instance.ask(layerPath(), { headers: { range: "bytes=1-3" } });
    expect([part.status, part.body.length]).toEqual([206, 3]);
    const known = await instance.ask(tagPath, { headers: { "if-none-match": `"${image.digest}"` } });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    upstream.requests.clear();
    await instance.ask(tagPath, { headers: { "cache-control": "no-cache" } });
    expect(upstream.requests.count({ kind: "manifest-tag" })).toBe(1);
  });

  it("is counted and logged each time, with its bytes and its client", async () => {
    await often(layerPath(), { headers: { "user-agent": "containerd/1.7" } });
    const labels = { kind: "blob", outcome: "hit" };
    await eventually(async () => {
      expect(await instance.metric("entrepot_requests_total", { ...labels, client: "containerd" })).toBe(4);
      expect(await instance.metric("entrepot_served_bytes_total", labels)).toBe(20_000);
      expect(await instance.metric("entrepot_first_byte_seconds_count", labels)).toBe(4);
    });
    const lines = instance.log.filter(({ msg, outcome }) => msg === "request" && outcome === "hit");
    expect(new Set(lines.map(({ requestId }) => requestId)).size).toBe(4);
    expect(lines.at(-1)).toEqual({
      ...{ time: expect.any(String) as string, requestId: expect.any(String) as string },
      durationMs: expect.any(Number) as number,
      level: "info",
      method: "GET",
      upstream: "docker.io",
      repository,
      reference: image.layers[0]?.digest,
      kind: "blob",
      outcome: "hit",
      status: 200,
      bytes: 5000,
      upstreamMs: 0,
      client: "containerd",
      msg: "request",
    });
  });
});
