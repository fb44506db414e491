import { onTestFinished } from "vitest";
import { openBlobStore, type BlobStore } from "../../../src/blobstore/index.ts";
import { createCache, type BlobAnswer, type Cache } from "../../../src/cache/index.ts";
import { Eviction, type Budget } from "../../../src/eviction/index.ts";
import { openMetadata, type Metadata } from "../../../src/metadata/index.ts";
import type { Digest } from "../../../src/oci/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { receive, repositoryOf } from "./hangar.ts";

export interface CacheFixture {
  cache: Cache;
  clock: ManualClock;
  upstream: FakeUpstream;
  budget: Budget;
  index: Metadata;
  directory: string;
  /** What the cache has told its observer. */
  noticed: string[];
  get: (repository: string, digest: Digest) => Promise<BlobAnswer>;
}

/** A cache over a real store and a real index, whose upstream is answered by the test. */
export async function openCache(withStore: (store: BlobStore) => BlobStore = (store) => store): Promise<CacheFixture> {
  const directory = await temporaryDirectory();
  const clock = new ManualClock();
  const upstream = new FakeUpstream();
  const store = withStore(await openBlobStore({ directory, bootId: "test" }));
  const index = await openMetadata({ directory, now: () => clock.now() });
  const noticed: string[] = [];
  const eviction = await Eviction.create(
    {
      ...{ maxSize: { kind: "bytes", bytes: 1e9 }, minFree: { kind: "bytes", bytes: 0 } },
      ...{ highWatermark: 1, lowWatermark: 1, leaseForMs: 900_000, orphanGraceMs: 3_600_000 },
    },
    {
      ...{ store, index, now: () => clock.now(), setTimer: (ms, action) => clock.setTimer(ms, action) },
      observer: { evicted: () => undefined, left: () => undefined, doomed: () => undefined, failed: () => undefined },
    },
  );
  const { budget } = eviction;
  const tags = {
    ...{ freshForMs: 60_000, staleForMs: 0, staleAfterMs: 2000, absentForMs: 10_000, goneGraceMs: 0 },
    ...{ onGone: "drop" as const, onDenied: "refuse" as const, cooldownMs: 0, cooldownMode: "enforce" as const },
  };
  const cache = createCache(
    {
      abandoned: { lingerMs: 5000, keepForMs: 60_000 },
      memory: { hotBlobsBytes: 1, maxHotBlobBytes: 0 },
      scrub: { verifyOnRead: "stale" },
      access: { mode: "open" },
    },
    {
      upstreams: [{ upstream, tags, tagPatterns: [], limits: { answerWithinMs: 20_000, maxBlobSizeBytes: 1e12 } }],
      ...{ store, index, eviction, clock, adopt: () => Promise.resolve(false) },
      observer: {
        verifyFailed: (name) => noticed.push(name),
        uncached: (reason) => noticed.push(reason),
        corrupt: (digest) => noticed.push(digest),
        tagCooling: ({ tag }) => noticed.push(`cooling: ${tag}`),
        setAside: (isSetAside) => noticed.push(`set aside: ${String(isSetAside)}`),
      },
    },
  );
  onTestFinished(async () => {
    await cache.close();
    await index.close();
    await store.close();
  });
  const get = async (repository: string, digest: Digest): Promise<BlobAnswer> => {
    const target = { upstream: upstream.name, repository: repositoryOf(repository), trace: { upstreamMs: 0 } };
    const answer = await cache.blob(target, digest, {
      method: "GET",
      range: undefined,
      signal: new AbortController().signal,
      enterFill: () => () => undefined,
    });
    if (answer.outcome === "unsatisfiable") throw new Error("no range was asked for");
    return answer;
  };
  return { cache, clock, upstream, budget, index, directory, noticed, get };
}

export async function bytesOf({ reader, size }: BlobAnswer): Promise<Buffer> {
  if (!reader) throw new Error("a GET has a reader");
  return (await receive(reader, size)).bytes;
}
