import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ImageDetailDocument, ImagesDocument } from "../../src/admin/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { pull } from "../support/pull.ts";
import { apiOf, reconciled } from "../support/store.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";
import { run } from "../unit/cli/command-line.ts";

const hub = "docker.io/library/demo";
const base = Buffer.alloc(5000, "base");

let upstream: TestUpstream;
let other: TestUpstream;
let instance: Instance;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({});
  other = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] }, "ghcr.io": { endpoints: [other.url] } };
  instance = await startInstance({ clock, settings: { upstreams } });
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
  await other.close();
});

async function pullOf(image: string, platforms?: string[]): Promise<void> {
  const [repository = "", tag = ""] = image.split(":");
  expect((await pull(instance, repository, tag, platforms && { platforms })).broken).toEqual([]);
  await instance.settled();
}

/** Two tags with a layer in common, an index of which one platform was pulled, and one of another registry. */
async function pullFour(): Promise<{ one: PushedImage; arm: PushedImage }> {
  const one = upstream.pushImage("library/demo", "one", { layers: [base, 1000] });
  upstream.pushImage("library/demo", "two", { layers: [base, 2000] });
  const image = (architecture: string): PushedImage =>
    upstream.pushImage("library/demo", undefined, { platform: { os: "linux", architecture }, layers: [8000] });
  const arm = image("arm64");
  upstream.pushIndex("library/demo", "multi", image("amd64"), arm);
  other.pushImage("team/app", "v1", { layers: [100] });
  for (const tag of ["one", "two"]) await pullOf(`${hub}:${tag}`);
  await pullOf(`${hub}:multi`, ["linux/arm64"]);
  await pullOf("ghcr.io/team/app:v1");
  return { one, arm };
}

async function images(query = ""): Promise<ImagesDocument> {
  const response = await fetch(`${instance.adminUrl}/api/v1/images?${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as ImagesDocument;
}

async function names(query = ""): Promise<string[]> {
  return (await images(query)).items.map(({ image }) => image);
}

describe("GET /api/v1/images", () => {
  it("lists what has been pulled with what it needs of the disk, and no question goes upstream for it", async () => {
    const { one, arm } = await pullFour();
    const asked = upstream.requests.count();
    const { items, total, nextCursor } = await images();
    expect(items.map(({ image }) => image)).toEqual([
      `${hub}:multi`,
      `${hub}:one`,
      `${hub}:two`,
      "ghcr.io/team/app:v1",
    ]);
    expect([total, nextCursor]).toEqual([4, null]);
    const at = new Date(clock.now()).toISOString();
    const own = one.manifest.length + one.config.size + 1000;
    expect(items[1]).toEqual({
      ...{ image: `${hub}:one`, digest: one.digest, kind: "image" },
      platforms: [{ platform: null, digest: one.digest, isHere: true, isComplete: true }],
      ...{ bytes: own + 5000, uniqueBytes: own, sharedBytes: 5000 },
      ...{ firstFetchedAt: at, checkedAt: at, lastPulledAt: at, pins: [], isHeld: false, isGone: false },
      offlineReady: { isReady: true, platforms: [null], missing: [], why: null },
    });
    expect(items[0]?.platforms).toMatchObject([
      { platform: "linux/amd64", isHere: false, isComplete: false },
      { platform: "linux/arm64", digest: arm.digest, isHere: true, isComplete: true },
    ]);
    expect(upstream.requests.count()).toBe(asked);
  });

  it("finds by part of the name, registry, platform and pin, in the order that is asked for, page by page", async () => {
    await pullFour();
    expect(await names("q=DEMO:t")).toEqual([`${hub}:two`]);
    expect(await names("upstream=ghcr.io")).toEqual(["ghcr.io/team/app:v1"]);
    expect(await names("platform=linux/amd64&upstream=docker.io")).toHaveLength(3);
    expect(await names("offlineReady=true&platform=linux/amd64&upstream=docker.io")).toEqual([
      `${hub}:one`,
      `${hub}:two`,
    ]);
    await apiOf(instance).pin(`${hub}:o*`);
    expect(await names("pinned=true")).toEqual([`${hub}:one`]);
    expect((await images("q=demo:one")).items[0]?.pins).toEqual([`${hub}:o*`]);
    expect((await names("sort=uniqueBytes&order=desc"))[0]).toBe(`${hub}:multi`);
    const first = await images("sort=bytes&limit=3");
    const last = await images(`sort=bytes&limit=3&cursor=${first.nextCursor ?? ""}`);
    expect([first.items.length, last.items.length, last.nextCursor, last.total]).toEqual([3, 1, null, 4]);
    expect(first.items[0]?.image).toBe("ghcr.io/team/app:v1");
  });

  it("refuses what it cannot read with 400, in words", async () => {
    for (const query of ["limit=0", "sort=age", "cursor=abc", "platform=x", "pinned=1", "colour=red"]) {
      const response = await fetch(`${instance.adminUrl}/api/v1/images?${query}`);
      expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    }
  });

  it("does not list what has been evicted, and has freed of it what was its own", async () => {
    await pullFour();
    const [two] = (await images("q=demo:two")).items;
    const { freedBytes } = await apiOf(instance).evict({ image: `${hub}:two` });
    expect(freedBytes).toBe(two?.uniqueBytes);
    expect(await names("q=demo")).toEqual([`${hub}:multi`, `${hub}:one`]);
    expect((await images("q=demo:one")).items[0]).toMatchObject({ sharedBytes: 0 });
  });
});

describe("GET /api/v1/image", () => {
  const view = (image: string): Promise<Response> =>
    fetch(`${instance.adminUrl}/api/v1/image?image=${encodeURIComponent(image)}`);

  it("tells of one image by tag and by digest what it consists of, who shares it, and why it is here", async () => {
    const { one } = await pullFour();
    for (const name of [`${hub}:one`, `${hub}@${one.digest}`]) {
      const document = (await (await view(name)).json()) as ImageDetailDocument;
      expect(document).toMatchObject({
        ...{ image: name, digest: one.digest, referrers: [] },
        manifests: [{ digest: one.digest, mediaType: one.mediaType, isHere: true, parents: [] }],
        history: name.includes("@") ? [] : [{ digest: one.digest, isCurrent: true }],
        explanation: { digest: one.digest, uniqueBytes: document.uniqueBytes, sharedBytes: document.sharedBytes },
      });
      const shared = document.manifests[0]?.blobs.filter(({ sharedWithCount }) => sharedWithCount > 0);
      expect(shared).toMatchObject([{ role: "layer", size: 5000, sharedWith: [`${hub}:two`], sharedWithCount: 1 }]);
    }
  });

  it("is 404 for what is not stored, or not in that repository", async () => {
    const { one } = await pullFour();
    for (const name of [`${hub}:three`, `ghcr.io/team/app@${one.digest}`]) {
      expect((await view(name)).status).toBe(404);
    }
  });
});

describe("entrepot images", () => {
  const command = (...argv: string[]) => run(["images", ...argv, "--admin", instance.adminUrl]);

  it("lists them in a table, and in JSON", async () => {
    await pullFour();
    const table = await command("--sort", "bytes", "--order", "desc", "--q", "demo");
    expect([table.exitCode, table.stdout.split("\n").length]).toEqual([0, 5]);
    expect(table.stdout).toMatch(/^image +size +its own +last pulled +platforms here +remarks\n\S+:multi +\d/);
    const json = JSON.parse((await command("--json")).stdout) as ImagesDocument;
    expect(json).toEqual(await images());
  });

  it("reports whether all could be pulled offline: exit code 1 where one could not, or there is none", async () => {
    const none = await command("--offline-ready");
    expect([none.exitCode, none.stderr]).toEqual([1, "entrepot: no stored image fits what was asked for\n"]);
    await pullFour();
    const all = await command("--offline-ready");
    expect([all.exitCode, all.stderr]).toEqual([0, ""]);
    expect(all.stdout).toMatch(/multi +ready +linux\/arm64\n/);
    const wanted = await command("--offline-ready", "--q", "demo", "--platform", "linux/amd64");
    expect([wanted.exitCode, wanted.stderr]).toEqual([1, "entrepot: 1 of 3 could not be pulled offline\n"]);
    expect(wanted.stdout).toMatch(/multi +incomplete +linux\/arm64 +parts are missing for linux\/amd64\n/);
    expect(wanted.stdout).toMatch(/ {2}manifest of linux\/amd64 sha256:[0-9a-f]{64}, \d+ B/);
    const lacking = await command("--offline-ready", "--q", "multi", "--platform", "linux/riscv64", "--json");
    expect(lacking.exitCode).toBe(1);
    expect((JSON.parse(lacking.stdout) as ImagesDocument).items[0]?.offlineReady).toMatchObject({
      why: "its index names no image for linux/riscv64",
    });
  });
});
