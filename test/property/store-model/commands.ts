import fc from "fast-check";
import { expect } from "vitest";
import { chmodSync, closeSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { ApiRefused, type EvictRequest } from "../../support/admin-api.ts";
import { pull } from "../../support/pull.ts";
import { repositories, type Catalog } from "./catalog.ts";
import type { PinPlan } from "./pins.ts";
import { pullDigest, pullTag } from "./pulling.ts";
import { isHere } from "./snapshot.ts";
import { removeFile, type StepOptions, type World } from "./world.ts";

/** What decides which commands make sense. */
export interface Model {
  isUpstreamUp: boolean;
}

type Command = fc.AsyncCommand<Model, World>;
type Work = (world: World, model: Model) => Promise<void>;

const platforms = ["linux/amd64", "linux/arm64"] as const;
const minuteMs = 60_000;

function command(words: string, work: Work, options: StepOptions & { needs?: "up" | "down" } = {}): Command {
  const { needs, ...step } = options;
  return {
    check: ({ isUpstreamUp }) => needs === undefined || isUpstreamUp === (needs === "up"),
    run: (model, world) => world.step(words, () => work(world, model), step),
    toString: () => words,
  };
}

/** The commands of the model with their parameters; `catalog` is only looked at for how many there are of what. */
export function storeCommands({ tags, targets }: Pick<Catalog, "tags" | "targets">): fc.Arbitrary<Command>[] {
  const tagAt = fc.nat(tags.length - 1);
  const targetAt = fc.nat(targets.length - 1);
  const platform = fc.constantFrom(...platforms);
  const tagPull = fc.record({ tag: tagAt, platform, mustCheck: fc.boolean() });
  const common = [
    tagPull.map(pullByTag),
    tagPull.map(pullByTag),
    targetAt.map(pullByDigest),
    fc.integer({ min: 1, max: 14 }).map((size) => pullNew(size * 100_000)),
    fc.tuple(tagAt, fc.nat(7)).map(([tag, target]) => moveTag(tag, target)),
    fc
      .array(tagPull, { minLength: 2, maxLength: 3 })
      .chain((pulls) => fc.nat(20).map((size) => pullAtOnce(pulls, size))),
  ];
  const upkeep = [
    fc.integer({ min: 1, max: 40 }).map((size) => evictBytes(size * 100_000)),
    fc.tuple(tagAt, fc.boolean()).map(([tag, isDryRun]) => evictTag(tag, isDryRun)),
    targetAt.map(evictDigest),
    fc.nat(pinPlans.length - 1).map(pin),
    fc.nat(pinPlans.length - 1).map(unpin),
    fc.tuple(tagAt, fc.nat(7)).map(([tag, target]) => rollBack(tag, target)),
    tagAt.map(release),
    fc.constant(verify()),
  ];
  const faults = [
    fc.constant(crash()),
    fc.tuple(tagPull, fc.nat(40)).map(([at, afterMs]) => crashWithin(at, afterMs)),
    tagPull.map(pullAfterCrash),
    fc.constant(command("restart", (world) => world.restart(), { isStandstill: true })),
    fc.nat(30).map((at) => flip(at)),
    fc.nat(30).map((at) => removeStored(at)),
    fc.constant(setUpstream(false)),
    fc.constant(setUpstream(true)),
    tagAt.map(removeTag),
    fc.constantFrom(2, 20, 130).map((minutes) => skip(minutes)),
  ];
  return [...common, ...common, ...upkeep, ...faults];
}

interface TagPullPlan {
  tag: number;
  platform: string;
  mustCheck: boolean;
}

function resolve(world: World, { tag, ...rest }: TagPullPlan) {
  const plan = world.catalog.tags[tag];
  if (!plan) throw new Error("no such tag");
  return { plan, ...rest };
}

function wordsOf({ tag, platform, mustCheck }: TagPullPlan): string {
  return `tag ${tag} for ${platform}${mustCheck ? ", checked" : ""}`;
}

function pullByTag(at: TagPullPlan): Command {
  return command(`pull ${wordsOf(at)}`, (world) => pullTag(world, resolve(world, at)));
}

function pullByDigest(at: number): Command {
  return command(`pull target ${at}`, async (world) => {
    const target = world.catalog.targets[at];
    if (target) await pullDigest(world, target);
  });
}

/** An image that nothing else shares a layer with: others must go for it. */
function pullNew(bytes: number): Command {
  return command(
    `pull a new image of ${bytes} bytes`,
    async (world) => {
      const tag = `new-${bytes}`;
      world.upstream.pushImage("model/new", tag, { layers: [bytes] });
      const pulled = await pull(world.instance.ask, "model/new", tag);
      expect(pulled.broken).toEqual([]);
    },
    { needs: "up" },
  );
}

function pullAtOnce(pulls: TagPullPlan[], freeSize: number): Command {
  const words = `${pulls.map(wordsOf).join("; ")} at once, ${freeSize * 100_000} bytes evicted meanwhile`;
  return command(
    words,
    async (world) => {
      // Without the upstream what goes in between could not come back.
      const evicting =
        freeSize > 0 && world.isUpstreamUp ? world.instance.api.evict({ freeBytes: freeSize * 100_000 }) : undefined;
      await Promise.all([evicting, ...pulls.map((at) => pullTag(world, resolve(world, at)))]);
    },
    { mayOrphan: true },
  );
}

function moveTag(at: number, targetAt: number): Command {
  return command(`tag ${at} moves to target ${targetAt}`, (world) => {
    const { repository, tag, targets } = resolve(world, { tag: at, platform: "", mustCheck: false }).plan;
    const target = targets[targetAt % targets.length];
    if (target) world.upstream.tag(repository, tag, target.digest);
    world.noteTag(repository, tag);
    return Promise.resolve();
  });
}

function removeTag(at: number): Command {
  return command(`tag ${at} is removed upstream`, (world) => {
    const { repository, tag } = resolve(world, { tag: at, platform: "", mustCheck: false }).plan;
    world.upstream.removeTag(repository, tag);
    return Promise.resolve();
  });
}

function evictBytes(freeBytes: number): Command {
  return command(`evict ${freeBytes} bytes`, async (world) => {
    const before = storedBytes(world);
    const report = await world.instance.api.evict({ freeBytes });
    const left = report.victims.filter(({ digest }) => !isHere(world.snapshot, digest)).map(({ digest }) => digest);
    expect(
      left.filter((digest) => !world.tampered.has(digest) && world.snapshot.blobs.get(digest)?.state !== "known"),
    ).toEqual([]);
    expect(report.freedBytes).toBeLessThanOrEqual(before);
    await expect
      .poll(() => world.instance.metric("entrepot_store_bytes"))
      .toBeLessThanOrEqual(before - report.freedBytes);
  });
}

function evictTag(at: number, dryRun: boolean): Command {
  return command(`evict tag ${at}${dryRun ? ", dry" : ""}`, async (world) => {
    const { repository, tag } = resolve(world, { tag: at, platform: "", mustCheck: false }).plan;
    const row = world.snapshot.tags.get(`${repository}:${tag}`);
    const status = await evictImage(world, { image: `docker.io/${repository}:${tag}`, dryRun });
    expect(status === 404, `the row ${JSON.stringify(row)} against ${status}`).toBe(row?.manifest === undefined);
  });
}

function evictDigest(at: number): Command {
  return command(`evict target ${at}`, async (world) => {
    const target = world.catalog.targets[at];
    if (target) await evictImage(world, { image: `docker.io/${target.repository}@${target.digest}` });
  });
}

async function evictImage(world: World, request: EvictRequest): Promise<number> {
  const before = storedBytes(world);
  try {
    const { freedBytes, victims } = await world.instance.api.evict(request);
    const after = await world.instance.metric("entrepot_store_bytes");
    if (request.dryRun) expect(after).toBe(before);
    else expect([after, victims.length > 0]).toEqual([before - freedBytes, true]);
    return 200;
  } catch (error) {
    if (!(error instanceof ApiRefused)) throw error;
    const isHeld = world.pins.size > 0 || [...world.snapshot.tags.values()].some(({ held }) => held !== undefined);
    expect(isHeld ? [404, 409] : [404], error.message).toContain(error.status);
    return error.status;
  }
}

function storedBytes({ snapshot }: World): number {
  return [...snapshot.blobs.values()].reduce(
    (sum, { size, state }) => sum + (state === "present" ? (size ?? 0) : 0),
    0,
  );
}

const [one, two] = repositories;
const pinPlans: PinPlan[] = [
  { image: `docker.io/${one}:a`, platforms: undefined, holdsTag: (name) => name === `${one}:a` },
  { image: `docker.io/${one}:*`, platforms: ["linux/arm64"], holdsTag: (name) => name.startsWith(`${one}:`) },
  { image: `docker.io/${two}:b`, platforms: ["linux/amd64"], holdsTag: (name) => name === `${two}:b` },
  { image: "docker.io/**:a", platforms: undefined, holdsTag: (name) => name.endsWith(":a") },
];

function pin(at: number): Command {
  const plan = pinPlans[at];
  return command(`pin ${String(plan?.image)} ${plan?.platforms?.join() ?? ""}`, async (world) => {
    if (!plan) return;
    await world.instance.api.pin(plan.image, plan.platforms);
    world.pins.set(plan.image, plan);
  });
}

function unpin(at: number): Command {
  const image = pinPlans[at]?.image ?? "";
  return command(`unpin ${image}`, async (world) => {
    const isPinned = world.pins.delete(image);
    const unpinned = world.instance.api.unpin(image);
    if (isPinned) await unpinned;
    else await expect(unpinned).rejects.toMatchObject({ status: 404 });
  });
}

function rollBack(at: number, targetAt: number): Command {
  return command(`roll tag ${at} back to target ${targetAt}`, async (world) => {
    const { repository, tag, targets } = resolve(world, { tag: at, platform: "", mustCheck: false }).plan;
    const digest = targets[targetAt % targets.length]?.digest ?? "";
    const status = await statusOf(world.instance.api.rollback(`docker.io/${repository}:${tag}`, digest));
    const canBe =
      world.snapshot.tags.has(`${repository}:${tag}`) && world.snapshot.manifests.get(digest)?.isHere === true;
    expect(canBe ? [200, 404] : [404]).toContain(status);
  });
}

function release(at: number): Command {
  return command(`release tag ${at}`, async (world) => {
    const { repository, tag } = resolve(world, { tag: at, platform: "", mustCheck: false }).plan;
    const status = await statusOf(world.instance.api.rollback(`docker.io/${repository}:${tag}`, "release"));
    expect(status).toBe(world.snapshot.tags.has(`${repository}:${tag}`) ? 200 : 404);
  });
}

async function statusOf(work: Promise<unknown>): Promise<number> {
  try {
    await work;
    return 200;
  } catch (error) {
    if (error instanceof ApiRefused) return error.status;
    throw error;
  }
}

/** Finds all that is spoilt, and nothing else. */
function verify(): Command {
  return command("verify", async (world) => {
    const spoilt = new Map(world.tampered);
    const job = await world.instance.api.verify();
    const { findings } = job.result as { findings: { digest: string; problem: string }[] };
    const expected = [...spoilt].map(([digest, how]) => ({ digest, problem: how === "gone" ? "missing" : "wrong" }));
    const byDigest = (one: { digest: string }, other: { digest: string }): number =>
      one.digest.localeCompare(other.digest);
    expect([job.state, findings.sort(byDigest)]).toEqual(["done", expected.sort(byDigest)]);
  });
}

function crash(): Command {
  return command("crash", (world) => world.crash(), { isStandstill: true });
}

function crashWithin(at: TagPullPlan, afterMs: number): Command {
  return command(
    `crash ${afterMs} ms after a pull of ${wordsOf(at)} has begun`,
    async (world) => {
      const { plan, platform, mustCheck } = resolve(world, at);
      const options = { mustCheck, platforms: [platform] };
      const pulling = pull(world.instance.ask, plan.repository, plan.tag, options).catch((error: unknown) => error);
      await pause(afterMs);
      await world.crash();
      // A connection may break; whole bodies with wrong bytes may not be.
      const pulled = await pulling;
      expect(pulled instanceof Error ? pulled.message : "").not.toContain("wrong bytes");
    },
    { mayOrphan: true },
  );
}

/** Asks while files and index are still being compared. */
function pullAfterCrash(at: TagPullPlan): Command {
  return command(
    `crash, and pull ${wordsOf(at)} at once`,
    async (world) => {
      await world.crash();
      await pullTag(world, resolve(world, at));
    },
    { mayOrphan: true },
  );
}

function flip(at: number): Command {
  return command(`flip a byte of file ${at}`, (world) => {
    const digest = fileAt(world, at);
    if (digest !== undefined) world.tamper(digest, "flipped", (path) => flipByte(path, at));
    return Promise.resolve();
  });
}

function removeStored(at: number): Command {
  return command(`remove file ${at}`, (world) => {
    const digest = fileAt(world, at);
    if (digest !== undefined) world.tamper(digest, "gone", removeFile);
    return Promise.resolve();
  });
}

/** A stored file that is still as it should be. */
function fileAt({ snapshot, tampered }: World, at: number): string | undefined {
  const files = [...snapshot.files.keys()].filter((digest) => !tampered.has(digest)).sort();
  return files[at % files.length];
}

function flipByte(path: string, at: number): void {
  chmodSync(path, 0o644);
  const descriptor = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, at);
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

function setUpstream(isUp: boolean): Command {
  return command(
    isUp ? "the upstream is back" : "the upstream goes down",
    (world, model) => {
      model.isUpstreamUp = isUp;
      world.setUpstream(isUp);
      return Promise.resolve();
    },
    { needs: isUp ? "down" : "up" },
  );
}

function skip(minutes: number): Command {
  return command(`${minutes} minutes go by`, (world) => world.instance.skip(minutes * minuteMs));
}
