import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AdminApi, ApiRefused } from "../../support/admin-api.ts";
import { startInstance, type Instance } from "../../support/instance.ts";
import { pull, type Step } from "../../support/pull.ts";
import { createRandom, type Random } from "../../support/random.ts";
import { SkippingClock } from "../../support/skipping-clock.ts";
import { reconciled } from "../../support/store.ts";
import { seededBlob, startUpstream, type Payload, type TestUpstream } from "../../upstream/index.ts";
import { checkDataDirectory } from "../checker/data-directory.ts";

const rounds = Number(process.env["RACE_ROUNDS"] ?? 1000);
const seed = Number(process.env["RACE_SEED"] ?? 20_263);
/** Rounds that go on at once, each with an image of its own. */
const lanes = 4;
/** Within this time an eviction falls into the pull. */
const spreadMs = 12;

const layerBytes = [1_200_000, 300_000, 60_000, 2000, 500];

function layersOf(...numbers: number[]): Payload[] {
  return numbers.map((number) => seededBlob(`race layer ${number}`, layerBytes[number] ?? 0));
}

interface Lane {
  repository: string;
  tag: string;
  /** As the operator names it. */
  image: string;
}

let upstreams: TestUpstream[];
let instance: Instance;
let api: AdminApi;

beforeEach(async () => {
  upstreams = [await startUpstream({}), await startUpstream({})];
  const [first, second] = upstreams;
  instance = await startInstance({
    clock: new SkippingClock(),
    settings: {
      storage: { maxSize: "4MiB", minFree: "1MiB" },
      tags: { freshFor: "50ms" },
      limits: { attempts: 1 },
      // Some is read from memory, some from files.
      memory: { maxHotBlob: "100KiB" },
      upstreams: {
        "docker.io": { endpoints: [first?.url] },
        "second.test": { endpoints: [second?.url] },
      },
    },
  });
  api = new AdminApi(instance.adminUrl, instance.app.adminToken);
  await reconciled(instance);
});

afterEach(async () => {
  await instance.remove();
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

/** An image for each lane; they share layers, and one of them is an index. */
function pushLanes(upstream: TestUpstream): Lane[] {
  const repositories = Array.from({ length: lanes }, (_, at) => `race/lane-${at % 3}`);
  return repositories.map((repository, at) => {
    const tag = `v${at}`;
    const layers = layersOf(at === 0 ? 0 : 4, 1, (at % 3) + 2, 3).concat(seededBlob(`lane ${at}`, 5000));
    const isIndex = at === lanes - 1;
    const image = upstream.pushImage(repository, isIndex ? undefined : tag, { layers });
    const arm = { os: "linux", architecture: "arm64" };
    const other = isIndex && upstream.pushImage(repository, undefined, { layers: layersOf(1, 2), platform: arm });
    if (other) upstream.pushIndex(repository, tag, image, other);
    return { repository, tag, image: `docker.io/${repository}:${tag}` };
  });
}

/** An operator evicts this image; it may have gone already. */
async function evictImage(image: string): Promise<void> {
  try {
    await api.evict({ image });
  } catch (error) {
    if (!(error instanceof ApiRefused) || error.status !== 404) throw error;
  }
}

/** Runs rounds side by side, one after the other in each lane; the steps that were broken. */
async function race(
  { over, times }: { over: readonly Lane[]; times: number },
  round: (lane: Lane, random: Random) => Promise<Step[]>,
): Promise<string[]> {
  let left = times;
  const broken: string[] = [];
  const run = async (lane: Lane, at: number): Promise<void> => {
    const random = createRandom(seed + at);
    while (left > 0) {
      left -= 1;
      const steps = await round(lane, random);
      for (const { path, status, isShort } of steps) {
        broken.push(`${times - left}, ${lane.image}, ${path}: ${status}${isShort ? ", short" : ""}`);
      }
    }
  };
  await Promise.all(over.map(run));
  return broken;
}

/** Nothing may have been refused, leaked or miscounted on the way. */
async function expectSound(): Promise<void> {
  await instance.settled();
  expect(instance.log.filter(({ level }) => level === "error")).toEqual([]);
  expect(await instance.metric("entrepot_requests_total", { outcome: "error" })).toBe(0);
  expect(await instance.metric("entrepot_uncached_passes_total", { reason: "database" })).toBe(0);
  expect(await instance.metric("entrepot_uncached_passes_total", { reason: "io" })).toBe(0);
  expect(await instance.metric("entrepot_store_passthrough")).toBe(0);
  expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
  const most = await instance.metric("entrepot_store_max_bytes");
  expect(await instance.metric("entrepot_store_bytes")).toBeLessThanOrEqual(most);
  await instance.stop();
  expect(checkDataDirectory(join(instance.directory, "data"), { after: "stop" })).toEqual([]);
}

describe(`pulls of images that are being evicted, ${rounds} rounds, seed ${seed}`, { timeout: 300_000 }, () => {
  it("all bring the right bytes while the upstream is there", async () => {
    const [upstream] = upstreams;
    if (!upstream) throw new Error("no upstream");
    const all = pushLanes(upstream);
    const broken = await race({ over: all, times: rounds }, async ({ repository, tag, image }, random) => {
      const clients = 1 + random.below(2);
      const evictions = Array.from({ length: 1 + random.below(2) }, async () => {
        const freeBytes = random.next() < 0.3 ? 1 + random.below(2_000_000) : undefined;
        await pause(random.below(spreadMs));
        // That very image, or whatever is next in the queue.
        await (freeBytes === undefined ? evictImage(image) : api.evict({ freeBytes }));
      });
      const options = { atOnce: 1 + random.below(3), mustCheck: random.next() < 0.2 };
      const pulls = Array.from({ length: clients }, () => pull(instance, repository, tag, options));
      const [pulled] = await Promise.all([Promise.all(pulls), ...evictions]);
      return pulled.flatMap(({ broken: steps }) => steps);
    });
    expect(broken).toEqual([]);
    expect(await instance.metric("entrepot_evictions_total", { reason: "operator" })).toBeGreaterThan(rounds / 4);
    await expectSound();
  });

  it("are not disturbed, with their upstream down, by the eviction of others that share their layers", async () => {
    const [down, up] = upstreams;
    if (!down || !up) throw new Error("no upstream");
    const kept = pushLanes(down);
    for (const { repository, tag } of kept) await pull(instance, repository, tag);
    await instance.settled();
    const registry = down.site("registry");
    registry.onConnect = "reset";
    registry.dropConnections();
    const others = Array.from({ length: lanes }, (_, at) => {
      up.pushImage("race/other", `v${at}`, { layers: layersOf(at, 1, 4).concat(seededBlob(`other ${at}`, 20_000)) });
      return { path: "second.test/race/other", tag: `v${at}` };
    });
    const broken = await race({ over: kept, times: rounds / 2 }, async ({ repository, tag }, random) => {
      const other = random.pick(others);
      const evicting = pause(random.below(spreadMs)).then(() => evictImage(`${other.path}:${other.tag}`));
      const atOnce = 1 + random.below(3);
      const pulls = [pull(instance, repository, tag, { atOnce }), pull(instance, other.path, other.tag)];
      const [[pulled]] = await Promise.all([Promise.all(pulls), evicting]);
      return pulled?.broken ?? [];
    });
    expect(broken).toEqual([]);
    const evictions = await instance.metric("entrepot_evictions_total");
    expect(evictions).toBeGreaterThan(rounds / 10);
    expect(await instance.metric("entrepot_evictions_total", { reason: "operator" })).toBe(evictions);
    await expectSound();
  });
});
