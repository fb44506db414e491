import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { binary, ChildProcesses } from "../clients/child-processes.ts";
import { writeHtpasswd } from "../support/htpasswd.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { apiOf, reconciled, storedFiles } from "../support/store.ts";
import { repository, startScene, type Scene } from "./nginx-scene.ts";

/** More than the buffers of the connections between nginx and a client hold. */
const layerBytes = 60_000_000;

let scene: Scene;

afterEach(() => scene.close());

describe("an image that skopeo pulls through nginx", () => {
  it("is whole however often, and its layers come from nginx once entrepot has checked them", async () => {
    scene = await startScene({ layers: [1_000_000, 2_000_000, 1000] });
    const { nginx, instance, upstream, image } = scene;
    const directory = await mkdtemp(join(tmpdir(), "entrepot-offload-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const processes = new ChildProcesses(directory);
    const source = `docker://${new URL(nginx.url).host}/docker.io/${repository}:1`;
    for (let time = 0; time < 3; time += 1) {
      const copy = join(directory, String(time));
      await processes.run(binary("skopeo"), ["copy", "--quiet", "--src-tls-verify=false", source, `dir:${copy}`]);
      const names = readdirSync(copy).filter((name) => name !== "version" && name !== "manifest.json");
      expect(names.sort()).toEqual([image.config, ...image.layers].map(({ digest }) => digest.slice(7)).sort());
      for (const name of names) expect(sha256(readFileSync(join(copy, name)))).toBe(`sha256:${name}`);
      expect(sha256(readFileSync(join(copy, "manifest.json")))).toBe(image.digest);
      await instance.settled();
    }
    expect(upstream.requests.count({ kind: "blob", method: "GET" })).toBe(4);
    const sent = scene.offloaded().map(({ reference, client }) => [reference, client]);
    const [one, two] = image.layers.map(({ digest }) => [digest, "skopeo"]);
    expect(sent.filter(([digest]) => digest === one?.[0])).toEqual([one, one, one]);
    expect(sent.filter(([digest]) => digest === two?.[0])).toEqual([two]);
    expect(await instance.metric("entrepot_offloads_total", { result: "failed" })).toBe(0);
  });
});

describe("a blob that is evicted while nginx sends it to a slow client", () => {
  it("reaches the client whole, and its file is gone before that", async () => {
    const clock = new SkippingClock();
    scene = await startScene({ layers: [layerBytes], clock });
    const { nginx, instance, path, digest } = scene;
    await reconciled(instance);
    const { body, headers } = await nginx.open(path);
    expect(headers["content-length"]).toBe(String(layerBytes));
    await apiOf(instance).evict({ image: `docker.io/${repository}:1` });
    expect(storedFiles(instance).map(({ size }) => size)).toEqual([layerBytes]);
    clock.skip(30_000);
    await expect.poll(() => storedFiles(instance)).toEqual([]);
    expect(sha256(Buffer.from(await body.arrayBuffer()))).toBe(digest);
    expect(scene.offloaded()).toHaveLength(1);
  });
});

describe("a file that nginx cannot open", () => {
  it.each([
    ["as it has gone when nginx looks", "No such file", { dataDirectory: "/nonexistent" }],
    ["as nginx is not in the group", "Permission denied", { group: "nogroup" }],
  ])("is sent by entrepot: %s", async (_, reason, options) => {
    scene = await startScene({ layers: [3_000_000], ...options });
    const { nginx, instance, path, digest } = scene;
    const whole = await nginx.ask(path);
    expect([whole.status, sha256(whole.body), whole.headers["docker-content-digest"]]).toEqual([200, digest, digest]);
    const part = await nginx.ask(path, { headers: { range: "bytes=10-19" } });
    expect([part.status, part.body.length, part.headers["content-range"]]).toEqual([206, 10, "bytes 10-19/3000000"]);
    expect(await instance.metric("entrepot_offloads_total", { result: "failed" })).toBe(2);
    expect(nginx.errors()).toContain(reason);
  });
});

describe("a client of nginx", () => {
  it("gains nothing by fields that are meant for nginx or entrepot", async () => {
    scene = await startScene({ layers: [3_000_000] });
    const { nginx, instance, path, digest } = scene;
    const internal = "/entrepot-internal/blobs/../index.db";
    for (const [name, value] of [
      ["x-accel-redirect", internal],
      ["x-sendfile", internal],
      ["x-entrepot-offload", "failed"],
      ["x-entrepot-offload", internal],
      ["x-forwarded-for", internal],
      ["x-original-url", internal],
    ] as const) {
      const { status, body } = await nginx.ask(path, { headers: { [name]: value } });
      expect([status, sha256(body)], name).toEqual([200, digest]);
    }
    expect(scene.offloaded()).toHaveLength(6);
    expect(await instance.metric("entrepot_offloads_total", { result: "failed" })).toBe(0);
  });

  it("gets a blob only with credentials where those are needed, and is sent to nginx for a token", async () => {
    const { file } = writeHtpasswd({ alice: "canary-alice" });
    const authorization = `Basic ${Buffer.from("alice:canary-alice").toString("base64")}`;
    const settings = { access: { mode: "basic", htpasswdFile: file }, allowPlaintext: true };
    scene = await startScene({ layers: [3_000_000], settings, authorization });
    const { nginx, path, digest } = scene;
    const refused = await nginx.ask(path);
    expect([refused.status, refused.headers["x-accel-redirect"]]).toEqual([401, undefined]);
    expect(refused.headers["www-authenticate"]).toContain(`realm="${nginx.url}/`);
    expect(scene.offloaded()).toEqual([]);
    expect(sha256((await nginx.ask(path, { headers: { authorization } })).body)).toBe(digest);
    expect(scene.offloaded().map(({ user }) => user)).toEqual(["alice"]);
  });

  it("does not get to the files by their own address", async () => {
    scene = await startScene({ layers: [3_000_000] });
    const { nginx, digest } = scene;
    const hex = digest.slice("sha256:".length);
    const file = `blobs/sha256/${hex.slice(0, 2)}/${hex}`;
    for (const path of [
      `/entrepot-internal/${file}`,
      `/%65ntrepot-internal/${file}`,
      `//entrepot-internal/${file}`,
      `/v2/../entrepot-internal/${file}`,
      "/entrepot-internal/blobs/../index.db",
      "/entrepot-internal/blobs../index.db",
      "/entrepot-internal/index.db",
    ]) {
      const { status, body } = await nginx.ask(path);
      expect([400, 404], path).toContain(status);
      expect(body.length, path).toBeLessThan(1000);
    }
  });
});
