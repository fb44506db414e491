import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAdminApp } from "../../src/admin/index.ts";
import { readPage } from "../../src/console/index.ts";
import { CheckedApi } from "../support/checked-api.ts";
import { EventListening } from "../support/event-stream.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { pull } from "../support/pull.ts";
import { reconciled } from "../support/store.ts";
import { adminOptions } from "../unit/admin/admin-server.ts";
import { startUpstream, temperaments, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const repository = "docker.io/library/demo";

let upstream: TestUpstream;
let instance: Instance;
let api: CheckedApi;
let one: PushedImage;

beforeAll(async () => {
  upstream = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  const settings = { upstreams, limits: { attempts: 1 }, pins: [`${repository}:pinned`] };
  instance = await startInstance({ settings });
  await reconciled(instance);
  const quota = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "50;w=21600" };
  upstream.misbehave({ on: "manifest-tag", temperament: temperaments.headers(quota) });
  one = upstream.pushImage("library/demo", "one", { layers: [1000] });
  const arm = upstream.pushImage("library/demo", undefined, { platform: { os: "linux", architecture: "arm64" } });
  upstream.pushIndex("library/demo", "multi", one, arm);
  upstream.pushReferrer("library/demo", one.digest, { artifactType: "application/vnd.example" });
  expect((await pull(instance, "library/demo", "one")).broken).toEqual([]);
  expect((await pull(instance, "library/demo", "multi", { platforms: ["linux/amd64"] })).broken).toEqual([]);
  await instance.settled();
  api = await CheckedApi.open(instance.adminUrl, instance.app.adminToken);
});

afterAll(async () => {
  await instance.remove();
  await upstream.close();
});

const ok = async (path: string, request: Parameters<CheckedApi["ask"]>[1] = {}): Promise<unknown> => {
  const { status, body } = await api.ask(path, request);
  expect([path, Math.floor(status / 100)]).toEqual([path, 2]);
  return body;
};
const post = (path: string, body: object): Promise<unknown> => ok(`/api/v1${path}`, { method: "POST", body });
const get = (path: string, query: Record<string, string> = {}): Promise<unknown> => ok(`/api/v1${path}`, { query });

/** Resolves to a job that has ended. */
async function ended(started: unknown): Promise<unknown> {
  const { id } = started as { id: string };
  for (;;) {
    const job = await get(`/jobs/${id}`);
    if ((job as { state: string }).state !== "running") return job;
    await pause(5);
  }
}

async function exerciseReading(): Promise<void> {
  for (const path of ["/", "/healthz", "/readyz", "/metrics"]) await ok(path);
  for (const path of ["/stats", "/activity", "/upstreams", "/images", "/pins", "/openapi.json", "/events"])
    await get(path);
  await get("/images", { q: "demo", sort: "bytes", order: "desc", limit: "1", platform: "linux/arm64" });
  await get("/images", { offlineReady: "false", platform: "linux/arm64", pinned: "false", upstream: "docker.io" });
  for (const image of [`${repository}:one`, `${repository}:multi`, `${repository}@${one.digest}`]) {
    await get("/image", { image });
    await get("/explain", { subject: image });
  }
  await get("/explain", { subject: one.layers[0]?.digest ?? "" });
  await get("/tag-history", { image: `${repository}:one` });
  await get("/eviction/plan", { freeBytes: "100000000" });
}

async function exerciseChanging(): Promise<void> {
  await post("/pins", { image: `${repository}:v*`, platforms: ["linux/amd64"] });
  await get("/pins");
  await ok("/api/v1/pins", { method: "DELETE", query: { image: `${repository}:v*` } });
  await post("/rollback", { image: `${repository}:one`, digest: one.digest });
  await get("/images");
  await post("/refresh", { image: `${repository}:one` });
  await post("/rollback", { image: `${repository}:one`, release: true });
  upstream.pushImage("library/demo", "one", { layers: [2000] });
  await post("/refresh", { image: `${repository}:one` });
  await get("/image", { image: `${repository}:one` });
  await post("/evict", { freeBytes: 1000, dryRun: true });
  await post("/reload", {});
}

async function exerciseJobs(directory: string): Promise<void> {
  const warmed = await post("/warm", {
    images: [`${repository}:one`, `${repository}:nowhere`],
    platforms: null,
    parallel: 2,
  });
  expect(await ended(warmed)).toMatchObject({ kind: "warm", state: "done" });
  const verified = await post("/verify", {});
  await ended(verified);
  expect(await ended(await post("/backup", { directory }))).toMatchObject({ kind: "backup", state: "done" });
  const { id } = verified as { id: string };
  await ok(`/api/v1/jobs/${id}`, { method: "DELETE" });
}

describe("the OpenAPI document", () => {
  it("fits every kind of answer, and every path and method of it has been asked", async () => {
    const directory = await mkdtemp(join(tmpdir(), "entrepot-openapi-"));
    await exerciseReading();
    await exerciseChanging();
    await exerciseJobs(join(directory, "backup"));
    await post("/evict", { image: `${repository}:one` });
    await get("/explain", { subject: `${repository}:one` });
    await rm(directory, { recursive: true });
    expect(api.exercised.sort()).toEqual(api.operations.sort());
  });

  it("fits what is refused: unreadable, without the token, absent, in the way of something, or failed upstream", async () => {
    const refused = async (
      path: string,
      status: number,
      request: Parameters<CheckedApi["ask"]>[1] = {},
    ): Promise<void> =>
      expect((await api.ask(`/api/v1${path}`, { isFaulty: true, ...request })).status, path).toBe(status);
    await refused("/images", 400, { query: { limit: "x" } });
    await refused("/stats", 401, { headers: { authorization: "Bearer wrong" } });
    await refused("/image", 404, { query: { image: `${repository}:nowhere` } });
    await refused("/explain", 404, { query: { subject: `${repository}:nowhere` } });
    await refused("/tag-history", 404, { query: { image: `${repository}:nowhere` } });
    await refused("/jobs/none", 404);
    await refused("/jobs/none", 404, { method: "DELETE" });
    await refused("/evict", 404, { method: "POST", body: { image: `${repository}:nowhere` } });
    await refused("/evict", 415, { method: "POST", body: {}, headers: { "content-type": "text/plain" } });
    await refused("/pins", 413, { method: "POST", body: { image: "x".repeat(70_000) } });
    await refused("/pins", 409, { method: "DELETE", query: { image: `${repository}:pinned` } });
    await refused("/rollback", 404, { method: "POST", body: { image: `${repository}:nowhere`, release: true } });
    await upstream.stop();
    await refused("/refresh", 502, { method: "POST", body: { image: `${repository}:new` } });
    await upstream.restart();
  });

  it("fits the events of the stream", async () => {
    const listening = await EventListening.open(instance.adminUrl);
    upstream.pushImage("library/demo", "moving", { layers: [100] });
    await post("/refresh", { image: `${repository}:moving` });
    upstream.pushImage("library/demo", "moving", { layers: [200] });
    await post("/refresh", { image: `${repository}:moving` });
    const { data } = await listening.next("tag-moved");
    api.check("Event", data, "tag-moved");
    await post("/evict", { image: `${repository}:moving` });
    api.check("Event", (await listening.next("evicted")).data, "evicted");
    listening.close();
  });

  it("fails for a member that it does not have, and for one that is missing", () => {
    const check = (value: object): void => api.check("Pin", value, "a pin");
    const pin = { image: "docker.io/library/alpine:3", origin: "api", platforms: null };
    check(pin);
    const faults = (about: string): object => expect.objectContaining({ actual: about }) as object;
    expect(() => check({ ...pin, more: 1 })).toThrow(faults("a pin must NOT have additional properties"));
    const lacking = { image: pin.image, origin: "api" };
    expect(() => check(lacking)).toThrow(faults("a pin must have required property 'platforms'"));
  });

  it("has every route of the admin listener but the files of the page", async () => {
    const page = await readPage();
    const routes = routesOf(createAdminApp(adminOptions({ page })));
    expect(routes.length).toBeGreaterThan(20);
    const documented = api.operations.map((operation) => operation.replace("{id}", ":id").replace("/api/v1", ""));
    expect(routes.filter((route) => !documented.includes(route) && !page.has(route.split(" ")[1] ?? ""))).toEqual([]);
  });
});

interface Layer {
  route?: { path: string | string[]; methods: Record<string, boolean> };
  handle?: { stack?: Layer[] };
}

/** `GET /stats` of all routers, without what they are mounted under. */
function routesOf(app: unknown): string[] {
  const visit = (layers: Layer[]): string[] =>
    layers.flatMap(({ route, handle }) => {
      const methods = Object.keys(route?.methods ?? {}).filter((method) => method !== "_all");
      const own = [route?.path ?? []]
        .flat()
        .flatMap((path) => methods.map((method) => `${method.toUpperCase()} ${path}`));
      return [...own, ...visit(handle?.stack ?? [])];
    });
  return visit((app as { router: { stack: Layer[] } }).router.stack);
}
