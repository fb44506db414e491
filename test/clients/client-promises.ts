// The promises every client is asked to confirm, in one order: each builds on the cache the one before has filled.
import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Checks } from "./checks.ts";
import type { Client } from "./client.ts";
import type { FixtureImage } from "./fixture-manifests.ts";
import type { Stage } from "./stage.ts";

/** Throws unless exactly these blobs left the upstream, each once. */
export function assertFetchedOnce(stage: Stage, needed: ReadonlyMap<string, Buffer>): void {
  const counts = [...stage.upstream.blobGetCounts()].sort();
  deepEqual(
    counts,
    [...needed.keys()].sort().map((digest) => [digest, 1]),
    "GETs per blob at the upstream",
  );
  const bytes = stage.upstream.blobGets().reduce((sum, request) => sum + request.bytes, 0);
  const expected = [...needed.values()].reduce((sum, blob) => sum + blob.length, 0);
  equal(bytes, expected, "blob bytes that left the upstream");
}

export function assertNothingFetched(stage: Stage): void {
  deepEqual(stage.upstream.blobGets(), [], "blob GETs at the upstream");
}

export function assertUpstreamNotAsked(stage: Stage): void {
  deepEqual(stage.upstream.requests, [], "requests at the upstream");
}

/** What the cache says about the state of a tag, without changing it. */
async function cacheStatusOf(stage: Stage, image: FixtureImage): Promise<string> {
  const url = `http://127.0.0.1:${stage.cache.port}/v2/${image.repository}/manifests/${image.tag}`;
  const answer = await fetch(url, { method: "HEAD" });
  equal(answer.status, 200, "status of the tag");
  return answer.headers.get("cache-status") ?? "";
}

export async function checkClient(checks: Checks, stage: Stage, client: Client): Promise<void> {
  const { demo, extended, schema2, upstream, cache } = stage;
  const { name } = client;
  const pullEmptied = async (image: FixtureImage) => {
    await client.empty();
    upstream.forget();
    await client.pull(image);
    await client.verify(image);
  };
  await stage.reset();

  await checks.check(
    `${name} pulls through a cold cache, and each blob it needs leaves the upstream once`,
    async () => {
      await pullEmptied(demo);
      assertFetchedOnce(stage, client.neededBlobs(demo));
    },
  );
  await checks.check(`${name}, emptied, pulls again without any request to the upstream`, async () => {
    await pullEmptied(demo);
    assertUpstreamNotAsked(stage);
  });
  await checks.check(`${name} pulls an image that shares layers, and only its new blobs are fetched`, async () => {
    await pullEmptied(extended);
    const held = client.neededBlobs(demo);
    assertFetchedOnce(stage, new Map([...client.neededBlobs(extended)].filter(([digest]) => !held.has(digest))));
  });
  await checks.check(`${name} pulls a Docker manifest list whose blobs are here, and none is fetched`, async () => {
    await pullEmptied(schema2);
    assertNothingFetched(stage);
  });
  await checks.check(`${name} pulls a fresh tag while the upstream is down`, async () => {
    await upstream.stop();
    await pullEmptied(demo);
    doesNotMatch(await cacheStatusOf(stage, demo), /stale|ttl=-/, "the answer was within its freshness");
  });
  await checks.check(`${name} pulls an expired tag after a restart while the upstream is down`, async () => {
    await cache.start({ freshFor: "1s" });
    await sleep(1500);
    await pullEmptied(demo);
    match(await cacheStatusOf(stage, demo), /stale|ttl=-/, "the answer was past its freshness");
  });
  await checks.check(`${name} pulls the expired tag once the upstream is back, and no blob is fetched`, async () => {
    await upstream.start();
    await pullEmptied(demo);
    assertNothingFetched(stage);
  });
  await client.empty();
}
