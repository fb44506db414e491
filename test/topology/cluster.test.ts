import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Scratch } from "../faults/support/scratch.ts";
import { startNode, startParent, type Cache } from "./cache.ts";
import { Containerd } from "./containerd.ts";
import { startHaproxy, type Haproxy } from "./haproxy.ts";
import { Network, type Host } from "./network.ts";
import { startUpstream, type ImageFacts, type Upstream } from "./upstream.ts";

const concurrentPulls = 30;

let scratch: Scratch;
let network: Network;
let upstreamHost: Host;
let upstream: Upstream;
let parents: Cache[];
let balancer: Haproxy;
let nodes: { cache: Cache; containerd: Containerd }[];
let images: ImageFacts[];

/** Four nodes, each with containerd and a cache; three parents behind HAProxy; one upstream at 200 Mbit/s. */
beforeAll(async () => {
  scratch = new Scratch();
  network = new Network(scratch);
  upstreamHost = network.addHost("upstream");
  network.limit(upstreamHost, "200mbit");
  upstream = await startUpstream(scratch, upstreamHost);
  ({ images } = await upstream.facts());
  const parentHosts = [0, 1, 2].map((number) => network.addHost(`parent${number}`));
  parents = await Promise.all(parentHosts.map((host) => startParent(scratch, host, upstream)));
  const balancerHost = network.addHost("balancer");
  balancer = await startHaproxy(scratch, {
    listen: `${balancerHost.address}:5000`,
    parents: parentHosts.map(({ address }) => `${address}:5000`),
    checkPort: 9100,
    under: balancerHost.under,
  });
  nodes = await Promise.all(
    [0, 1, 2, 3].map(async (number) => {
      const host = network.addHost(`node${number}`);
      const cache = await startNode(scratch, host, upstream, balancer.url);
      return { cache, containerd: await Containerd.start(scratch, host, upstream) };
    }),
  );
}, 120_000);

afterAll(() => scratch.close());

function take(): ImageFacts {
  const image = images.shift();
  if (!image) throw new Error("all images have been pulled");
  return image;
}

function nodeAt(number: number): { cache: Cache; containerd: Containerd } {
  const node = nodes[number];
  if (!node) throw new Error(`there is no node ${number}`);
  return node;
}

function pullEverywhere(image: ImageFacts, times: number): Promise<unknown> {
  const pulls = Array.from({ length: times }, (_, number) => nodeAt(number % nodes.length).containerd.pull(image));
  return Promise.all(pulls);
}

/** How often each layer has left the upstream, in whole layers. */
async function timesFetched(image: ImageFacts): Promise<number[]> {
  const { fetched, layerBytes } = await upstream.facts();
  return image.layers.map((digest) => (fetched[digest]?.bytes ?? 0) / layerBytes);
}

function askedOfParents(): Promise<number[]> {
  return Promise.all(parents.map(({ metric }) => metric(/^entrepot_requests_total\{/)));
}

/** Which parent the balancer asks about the image's repository; nothing of the image is fetched. */
async function ownerOf({ repository }: ImageFacts): Promise<number> {
  const before = await askedOfParents();
  await balancer.ask(`/v2/${repository}/tags/list?ns=${upstream.name}`);
  const after = await askedOfParents();
  const asked = after.flatMap((count, parent) => (count > (before[parent] ?? 0) ? [parent] : []));
  expect(asked, "parents that were asked").toHaveLength(1);
  return asked[0] ?? -1;
}

/** Takes as many images as there are nodes, not all of one parent. */
async function takeOfSeveralParents(): Promise<{ chosen: ImageFacts[]; owners: number }> {
  const byOwner = new Map<number, ImageFacts[]>();
  for (const image of images) {
    const owner = await ownerOf(image);
    byOwner.set(owner, [...(byOwner.get(owner) ?? []), image]);
  }
  const firsts = [...byOwner.values()].flatMap((owned) => owned.slice(0, 1));
  const others = images.filter((image) => !firsts.includes(image));
  const chosen = [...firsts, ...others].slice(0, nodes.length);
  images = images.filter((image) => !chosen.includes(image));
  return { chosen, owners: byOwner.size };
}

describe("nodes behind parents", () => {
  it(`let each layer leave the upstream once for ${concurrentPulls} cold pulls at once`, async () => {
    const image = take();
    await pullEverywhere(image, concurrentPulls);
    expect(await timesFetched(image)).toEqual(image.layers.map(() => 1));
    const { fetched } = await upstream.facts();
    expect(image.layers.map((digest) => fetched[digest]?.requests)).toEqual(image.layers.map(() => 1));
  });

  it("let a layer of several repositories leave it once for each parent that has one of them", async () => {
    const { chosen, owners } = await takeOfSeveralParents();
    await Promise.all(chosen.map((image, place) => nodeAt(place).containerd.pull(image)));
    const [times] = await timesFetched(chosen[0] ?? take());
    console.log(`a layer of ${chosen.length} repositories on ${owners} parents has left the upstream ${times} times`);
    expect(owners).toBeGreaterThanOrEqual(2);
    expect(times).toBe(owners);
  });

  it("complete every pull when the parent that owns the image dies in the middle", async () => {
    network.limit(upstreamHost, "30mbit");
    const image = take();
    const before = await askedOfParents();
    const pulls = pullEverywhere(image, 8);
    await expect
      .poll(async () => (await timesFetched(image)).slice(1).some((times) => times > 0.2), { timeout: 60_000 })
      .toBe(true);
    const after = await askedOfParents();
    const owner = after.findIndex((count, parent) => count > (before[parent] ?? 0));
    await parents[owner]?.process.kill();
    await pulls;
    const remaining = parents.filter((_, parent) => parent !== owner);
    expect(remaining).toHaveLength(2);
    parents = remaining;
    network.limit(upstreamHost, "200mbit");
  });

  it("go on with what is cached when the upstream is cut off", async () => {
    const image = take();
    await pullEverywhere(image, 4);
    network.cut(upstreamHost);
    await pullEverywhere(image, 8);
    network.mend(upstreamHost);
  });

  it("pull through the fallback where the cache of a node has stopped", async () => {
    const image = take();
    await nodeAt(3).cache.process.stop();
    const before = await askedOfParents();
    await nodeAt(3).containerd.pull(image);
    expect(await askedOfParents()).toEqual(before);
    expect(await timesFetched(image)).toEqual([expect.any(Number), ...image.layers.slice(1).map(() => 1)]);
  });
});
