import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { askWhole, startInstance, type AskOptions, type Instance, type Reply } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, reconciled, storedFiles } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "library/demo";
const layerBytes = 1_000_000;
/** As nginx asks, whose address is that of the test. */
const marked = { "x-entrepot-offload": "1" };

let upstream: TestUpstream;
let instance: Instance;
let image: PushedImage;

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

/** An instance that has pulled an image of a large and a small layer; nothing of it has been read from disk. */
async function start(settings: Record<string, unknown> = {}, clock = new SkippingClock()): Promise<void> {
  upstream = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  const offload = { serve: { offload: "nginx" }, trustedProxies: ["127.0.0.1"] };
  instance = await startInstance({ settings: { ...offload, upstreams, ...settings }, clock });
  image = upstream.pushImage(repository, "1", { layers: [layerBytes, 1000] });
  await instance.ask(`/v2/${repository}/manifests/1`);
  await askLayer();
  await instance.settled();
}

function layer(place = 0): string {
  return image.layers[place]?.digest ?? "";
}

function askLayer(
  headers: Record<string, string> = {},
  { place = 0, ...options }: AskOptions & { place?: number } = {},
) {
  return instance.ask(`/v2/${repository}/blobs/${layer(place)}`, { ...options, headers });
}

function expectBytes({ status, headers, body }: Reply, place = 0): void {
  expect([status, sha256(body), headers["x-accel-redirect"]]).toEqual([200, layer(place), undefined]);
}

function expectPlace({ status, headers, body }: Reply): void {
  const hex = layer().slice("sha256:".length);
  expect([status, body.length]).toEqual([200, 0]);
  expect(headers["x-accel-redirect"]).toBe(`/entrepot-internal/blobs/sha256/${hex.slice(0, 2)}/${hex}`);
}

describe("with serve.offload: nginx", () => {
  it("a stored blob is answered with its place, and counted as the bytes that were asked for", async () => {
    await start();
    await askLayer();
    const before = await instance.metric("entrepot_served_bytes_total", { kind: "blob", outcome: "hit" });
    const reply = await askLayer(marked);
    expectPlace(reply);
    expect(reply.headers).toMatchObject({
      "docker-content-digest": layer(),
      etag: `"${layer()}"`,
      "cache-status": "entrepot; hit",
      "content-type": "application/octet-stream",
      "content-length": "0",
    });
    expectPlace(await askLayer({ ...marked, range: "bytes=10-19" }));
    const lines = instance.log.filter(({ offload }) => offload === true);
    expect(lines.map(({ outcome, bytes }) => [outcome, bytes])).toEqual([
      ["hit", layerBytes],
      ["hit", 10],
    ]);
    const after = await instance.metric("entrepot_served_bytes_total", { kind: "blob", outcome: "hit" });
    expect(after - before).toBe(layerBytes + 10);
    expect(await instance.metric("entrepot_offloads_total", { result: "sent" })).toBe(2);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("bytes are sent by entrepot as long as this process has not found the file right", async () => {
    await start();
    expectBytes(await askLayer(marked));
    expectPlace(await askLayer(marked));
    instance = await instance.restart();
    expectBytes(await askLayer(marked));
    expectPlace(await askLayer(marked));
  });

  it("bytes are sent by entrepot again when the last check is a day old", async () => {
    const clock = new SkippingClock();
    await start({}, clock);
    await askLayer();
    expectPlace(await askLayer(marked));
    clock.skip(25 * 60 * 60 * 1000);
    expectBytes(await askLayer(marked));
    expectPlace(await askLayer(marked));
  });

  it("whole bodies are always sent by entrepot where each read is to be checked", async () => {
    await start({ scrub: { verifyOnRead: "always" } });
    await askLayer();
    expectBytes(await askLayer(marked));
  });

  it("a download that runs, and what is small enough for memory, are sent by entrepot", async () => {
    await start();
    const filled = await askLayer(marked, { place: 1 });
    expectBytes(filled, 1);
    expect(filled.headers["cache-status"]).toBe("entrepot; fwd=miss; stored");
    await instance.settled();
    for (let time = 0; time < 2; time += 1) expectBytes(await askLayer(marked, { place: 1 }), 1);
  });

  it("who is not allowed to have a blob is not told its place", async () => {
    await start();
    await askLayer();
    const other = await instance.ask(`/v2/library/other/blobs/${layer()}`, { headers: marked });
    expect([other.status, other.headers["x-accel-redirect"]]).toEqual([404, undefined]);
  });

  it("the group of the data directory gets through to the files, and to nothing else", async () => {
    await start();
    const data = join(instance.directory, "data");
    const modes = await Promise.all(
      ["", "blobs", "blobs/sha256", "blobs/sha512/ff", "ingest", "quarantine"].map(async (name) =>
        ((await stat(join(data, name))).mode & 0o777).toString(8),
      ),
    );
    expect(modes).toEqual(["710", "710", "710", "710", "700", "700"]);
  });

  it("a file that nginx was told of stays for a while after its eviction", async () => {
    const clock = new SkippingClock();
    await start({}, clock);
    await askLayer();
    expectPlace(await askLayer(marked));
    await reconciled(instance);
    await apiOf(instance).evict({ image: `docker.io/${repository}:1` });
    expect(storedFiles(instance).map(({ size }) => size)).toEqual([layerBytes]);
    clock.skip(30_000);
    await expect.poll(() => storedFiles(instance)).toEqual([]);
  });

  it("a unix socket needs no trusted address: only nginx is let in there", async () => {
    const directory = await mkdtemp(join(tmpdir(), "entrepot-socket-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const socketPath = join(directory, "pull.sock");
    await start({ listen: ["127.0.0.1:0", `unix:${socketPath}`], trustedProxies: [] });
    const socket = new Pool("http://localhost", { connect: { socketPath } });
    const ask = (headers = {}): Promise<Reply> => askWhole(socket, `/v2/${repository}/blobs/${layer()}`, { headers });
    expectBytes(await ask());
    expectPlace(await ask(marked));
    expectBytes(await askLayer(marked));
    await socket.close();
  });

  it("nginx that could not open the file gets the bytes, and is counted", async () => {
    await start();
    await askLayer();
    expectBytes(await askLayer({ "x-entrepot-offload": "failed" }));
    expect(await instance.metric("entrepot_offloads_total", { result: "failed" })).toBe(1);
    expect(instance.log.filter(({ offloadFailed }) => offloadFailed === true)).toHaveLength(1);
  });
});

describe("a client's own fields", () => {
  it("bring it no place, nor an empty body, where it is not the nginx in front", async () => {
    await start({ trustedProxies: ["192.0.2.1"] });
    for (let time = 0; time < 2; time += 1) expectBytes(await askLayer(marked));
    expectBytes(await askLayer({ "x-entrepot-offload": "failed", "x-forwarded-for": "192.0.2.1" }));
    expect(await instance.metric("entrepot_offloads_total")).toBe(0);
  });

  it("count for nothing beside the one that nginx writes", async () => {
    await start();
    await askLayer();
    expectBytes(await askLayer({ "x-accel-redirect": "/entrepot-internal/index.db" }));
    expectBytes(await askLayer({ "x-entrepot-offload": "/entrepot-internal/index.db" }));
    const path = "/entrepot-internal/index.db";
    expectPlace(await askLayer({ ...marked, "x-accel-redirect": path, "x-original-url": path, "x-rewrite-url": path }));
  });

  it("count for nothing without the key", async () => {
    await start({ serve: { offload: "none" } });
    await askLayer();
    expectBytes(await askLayer(marked));
    expect((await stat(join(instance.directory, "data"))).mode & 0o777).toBe(0o700);
  });
});

describe("an upstream's own fields", () => {
  it("that command an nginx reach nobody, from manifests and blobs alike", async () => {
    await start();
    const bad = { "x-accel-redirect": "/entrepot-internal/index.db", "x-accel-limit-rate": "1", "x-sendfile": "/x" };
    const odd = upstream.misbehave({
      on: "any",
      temperament: { name: "odd", reply: (reply) => ({ ...reply, headers: { ...reply.headers, ...bad } }) },
    });
    const next = upstream.pushImage(repository, "2", { layers: [2 * layerBytes] });
    const paths = [
      "manifests/2",
      `blobs/${next.layers[0]?.digest ?? ""}`,
      `blobs/sha256:${"0".repeat(64)}`,
      "tags/list",
    ];
    for (const path of paths) {
      const reply = await instance.ask(`/v2/${repository}/${path}`, { headers: marked });
      expect(
        Object.keys(reply.headers).filter((name) => /accel|sendfile/.test(name)),
        path,
      ).toEqual([]);
    }
    expect(odd.hits).toBeGreaterThanOrEqual(4);
  });
});
