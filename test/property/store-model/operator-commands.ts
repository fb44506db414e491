import { expect } from "vitest";
import { ApiRefused, type EvictRequest } from "../../support/admin-api.ts";
import { repositories } from "./catalog.ts";
import { command, planOf, type Command } from "./command.ts";
import type { PinPlan } from "./pins.ts";
import type { World } from "./world.ts";

export function evictBytes(freeBytes: number): Command {
  return command(`evict ${freeBytes} bytes`, async (world) => {
    const before = await bytesAtRest(world);
    const report = await world.instance.api.evict({ freeBytes });
    expect(report.victims.filter(({ digest }) => !world.snapshot.blobs.has(digest))).toEqual([]);
    expect(await world.instance.metric("entrepot_store_bytes")).toBe(before - report.freedBytes);
  });
}

export function evictTag(at: number, dryRun: boolean): Command {
  return command(`evict tag ${at}${dryRun ? ", dry" : ""}`, async (world) => {
    const { repository, tag } = planOf(world, at);
    const row = world.snapshot.tags.get(`${repository}:${tag}`);
    const status = await evictImage(world, { image: `docker.io/${repository}:${tag}`, dryRun });
    expect(status === 404, `the row ${JSON.stringify(row)} against ${status}`).toBe(row?.manifest === undefined);
  });
}

export function evictDigest(at: number): Command {
  return command(`evict target ${at}`, async (world) => {
    const target = world.catalog.targets[at];
    if (target) await evictImage(world, { image: `docker.io/${target.repository}@${target.digest}` });
  });
}

async function evictImage(world: World, request: EvictRequest): Promise<number> {
  const before = await bytesAtRest(world);
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

/** What is stored when nothing is on its way out: what an operator asks for, even if it is nothing, waits its turn. */
async function bytesAtRest({ instance }: World): Promise<number> {
  await instance.api.evict({ image: "docker.io/model/none:never", dryRun: true }).catch((error: unknown) => {
    expect(error).toMatchObject({ status: 404 });
  });
  return instance.metric("entrepot_store_bytes");
}

const [one, two] = repositories;
export const pinPlans: PinPlan[] = [
  { image: `docker.io/${one}:a`, platforms: undefined, holdsTag: (name) => name === `${one}:a` },
  { image: `docker.io/${one}:*`, platforms: ["linux/arm64"], holdsTag: (name) => name.startsWith(`${one}:`) },
  { image: `docker.io/${two}:b`, platforms: ["linux/amd64"], holdsTag: (name) => name === `${two}:b` },
  { image: "docker.io/**:a", platforms: undefined, holdsTag: (name) => name.endsWith(":a") },
];

export function pin(at: number): Command {
  const plan = pinPlans[at];
  return command(`pin ${String(plan?.image)} ${plan?.platforms?.join() ?? ""}`, async (world) => {
    if (!plan) return;
    await world.instance.api.pin(plan.image, plan.platforms);
    world.pins.set(plan.image, plan);
  });
}

export function unpin(at: number): Command {
  const image = pinPlans[at]?.image ?? "";
  return command(`unpin ${image}`, async (world) => {
    const isPinned = world.pins.delete(image);
    const unpinned = world.instance.api.unpin(image);
    if (isPinned) await unpinned;
    else await expect(unpinned).rejects.toMatchObject({ status: 404 });
  });
}

export function rollBack(at: number, targetAt: number): Command {
  return command(`roll tag ${at} back to target ${targetAt}`, async (world) => {
    const { repository, tag, targets } = planOf(world, at);
    const digest = targets[targetAt % targets.length]?.digest ?? "";
    const status = await statusOf(world.instance.api.rollback(`docker.io/${repository}:${tag}`, digest));
    const canBe =
      world.snapshot.tags.has(`${repository}:${tag}`) && world.snapshot.manifests.get(digest)?.isHere === true;
    expect(canBe ? [200, 404] : [404]).toContain(status);
  });
}

export function release(at: number): Command {
  return command(`release tag ${at}`, async (world) => {
    const { repository, tag } = planOf(world, at);
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
export function verify(): Command {
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
