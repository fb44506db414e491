import { expect } from "vitest";
import { pull, type Pulled } from "../../support/pull.ts";
import type { TagPlan, Target } from "./catalog.ts";
import { isComplete, isHere, type Snapshot } from "./snapshot.ts";
import type { World } from "./world.ts";

export interface TagPull {
  plan: TagPlan;
  platform: string;
  mustCheck: boolean;
}

/**
 * Pulls by tag, and judges what came: with the upstream the right image, without it all that is complete here. A file that
 * was spoilt may cost one response, which ends short; the next pull heals it.
 */
export async function pullTag(world: World, { plan, platform, mustCheck }: TagPull): Promise<void> {
  const { repository, tag } = plan;
  const name = `${repository}:${tag}`;
  const row = world.snapshot.tags.get(name);
  const expected = row?.held ?? row?.manifest;
  const isAbsent = row?.held === undefined && world.upstreamDigest(repository, tag) === undefined;
  const mustSucceed = world.isUpstreamUp ? !isAbsent : expected !== undefined && canPull(world, expected, platform);
  const options = { mustCheck, platforms: [platform] };
  const pulled = await tolerant(world, () => pull(world.instance, repository, tag, options));
  if (pulled.digest !== undefined) expectRightVersion(world, { plan, mustCheck }, pulled.digest);
  if (mustSucceed) expectWhole(pulled, `${name} for ${platform}`);
  else expectHonest(pulled, name);
}

export async function pullDigest(world: World, { repository, digest }: Target): Promise<void> {
  const isHeld = canPull(world, digest, undefined) && isHolding(world.snapshot, repository, digest);
  const pulled = await tolerant(world, () => pull(world.instance, repository, digest));
  // Of an index some platforms may be here and others not.
  const isIndex = world.snapshot.manifests.get(digest)?.kind === "index";
  if (world.isUpstreamUp || (isHeld && !isIndex)) expectWhole(pulled, digest);
  else expectHonest(pulled, digest);
}

/** Every answer is the whole truth or an error in words. */
function expectHonest({ broken }: Pulled, words: string): void {
  const honest = [404, 502, 503, 504];
  expect(
    broken.filter(({ status, isShort }) => !honest.includes(status) && !isShort),
    words,
  ).toEqual([]);
}

function expectWhole({ broken }: Pulled, words: string): void {
  expect(broken, words).toEqual([]);
}

/** The tag leads to what a rollback says, else to what the upstream names, else to what it named once. */
function expectRightVersion(world: World, { plan, mustCheck }: Omit<TagPull, "platform">, digest: string): void {
  const { repository, tag } = plan;
  const name = `${repository}:${tag}`;
  const { snapshot, tampered } = world;
  const row = snapshot.tags.get(name);
  const current = world.upstreamDigest(repository, tag);
  const earlier = [...(world.named.get(name) ?? [])];
  if (row?.held !== undefined && isHere(snapshot, row.held) && !tampered.has(row.held)) {
    expect(digest, `${name} is rolled back`).toBe(row.held);
  } else if (row?.held !== undefined) {
    expect([...earlier, row.held], name).toContain(digest);
  } else if (world.isUpstreamUp && current !== undefined && (mustCheck || !row)) {
    expect(digest, name).toBe(current);
  } else {
    expect(earlier, name).toContain(digest);
  }
}

/** A second time where a spoilt file has cut a response short: it must be healed by then. */
async function tolerant(world: World, work: () => Promise<Pulled>): Promise<Pulled> {
  const spoilt = [...world.tampered.keys()];
  const pulled = await work();
  const wasCut =
    pulled.broken.length > 0 && pulled.broken.every((step) => step.isShort && spoilt.includes(step.digest));
  return wasCut ? work() : pulled;
}

/** Whether an image, or an index for one platform (any, where undefined), is here with all it needs and unspoilt. */
function canPull({ snapshot, tampered }: World, digest: string, platform: string | undefined): boolean {
  const isWanted = (other: string | null): boolean => platform === undefined || other === platform;
  const manifest = snapshot.manifests.get(digest);
  const children = manifest?.children.filter((child) => isWanted(child.platform)) ?? [];
  const needed = [digest, ...(manifest?.blobs ?? [])];
  for (const child of children) needed.push(child.digest, ...(snapshot.manifests.get(child.digest)?.blobs ?? []));
  return isComplete(snapshot, digest, isWanted) && !needed.some((one) => tampered.has(one));
}

/** Whether the repository is known to hold it, itself or by an index. */
function isHolding({ manifests }: Snapshot, repository: string, digest: string): boolean {
  return [...manifests.values()].some(
    (manifest) =>
      manifest.repositories.includes(repository) &&
      (manifest.digest === digest || manifest.children.some((child) => child.digest === digest)),
  );
}

/** With the upstream down, all that is complete can be pulled, by tag and by digest. */
export async function pullEverythingOffline(world: World): Promise<void> {
  await world.step("everything is pulled without the upstream", async () => {
    world.setUpstream(false);
    for (const plan of world.catalog.tags) {
      for (const platform of ["linux/amd64", "linux/arm64"]) await pullTag(world, { plan, platform, mustCheck: false });
    }
    for (const target of world.catalog.targets) await pullDigest(world, target);
  });
}
