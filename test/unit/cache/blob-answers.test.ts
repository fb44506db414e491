import { rm } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { blobPath, openBlobStore, StoreError, type BlobStore } from "../../../src/blobstore/index.ts";
import { createCache, type BlobAnswer, type Cache } from "../../../src/cache/index.ts";
import { Eviction, type Budget } from "../../../src/eviction/index.ts";
import { openMetadata, type Metadata } from "../../../src/metadata/index.ts";
import { digestOf, RegistryError } from "../../../src/oci/index.ts";
import { UpstreamError } from "../../../src/upstream/index.ts";
import { seededBytes } from "../../upstream/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { receive, repositoryOf } from "./hangar.ts";
import { storeWith } from "./store-with.ts";

const body = seededBytes("blob answers", 300_000);
const digest = digestOf(body);

interface Fixture {
  cache: Cache;
  upstream: FakeUpstream;
  budget: Budget;
  index: Metadata;
  directory: string;
  get: (repository: string) => Promise<BlobAnswer>;
}

/** A cache over a real store and a real index, whose upstream is answered by the test. */
async function openCache(withStore: (store: BlobStore) => BlobStore = (store) => store): Promise<Fixture> {
  const directory = await temporaryDirectory();
  const clock = new ManualClock();
  const upstream = new FakeUpstream();
  const store = withStore(await openBlobStore({ directory, bootId: "test" }));
  const index = await openMetadata({ directory, now: () => clock.now() });
  const eviction = await Eviction.create(
    {
      ...{ maxSize: { kind: "bytes", bytes: 1e9 }, minFree: { kind: "bytes", bytes: 0 } },
      ...{ highWatermark: 1, lowWatermark: 1, leaseForMs: 900_000, orphanGraceMs: 3_600_000 },
    },
    {
      ...{ store, index, now: () => clock.now(), setTimer: (ms, action) => clock.setTimer(ms, action) },
      observer: { evicted: () => undefined, doomed: () => undefined, failed: () => undefined },
    },
  );
  const { budget } = eviction;
  const tags = {
    ...{ freshForMs: 60_000, staleForMs: 0, staleAfterMs: 2000, absentForMs: 10_000, goneGraceMs: 0 },
    ...{ onGone: "drop" as const, onDenied: "refuse" as const },
  };
  const cache = createCache(
    {
      abandoned: { lingerMs: 5000, keepForMs: 60_000 },
      memory: { hotBlobsBytes: 1, maxHotBlobBytes: 0 },
      scrub: { verifyOnRead: "stale" },
    },
    {
      upstreams: [{ upstream, tags, limits: { answerWithinMs: 20_000, maxBlobSizeBytes: 1e12 } }],
      ...{ store, index, eviction, clock, adopt: () => Promise.resolve(false) },
      observer: {
        ...{ verifyFailed: () => undefined, uncached: () => undefined, corrupt: () => undefined },
        setAside: () => undefined,
      },
    },
  );
  onTestFinished(async () => {
    await cache.close();
    await index.close();
    await store.close();
  });
  const get = async (repository: string): Promise<BlobAnswer> => {
    const target = { upstream: upstream.name, repository: repositoryOf(repository), trace: { upstreamMs: 0 } };
    const answer = await cache.blob(target, digest, {
      method: "GET",
      range: undefined,
      signal: new AbortController().signal,
    });
    if (answer.outcome === "unsatisfiable") throw new Error("no range was asked for");
    return answer;
  };
  return { cache, upstream, budget, index, directory, get };
}

async function bytesOf({ reader, size }: BlobAnswer): Promise<Buffer> {
  if (!reader) throw new Error("a GET has a reader");
  return (await receive(reader, size)).bytes;
}

describe("a follower from another repository", () => {
  test("tries its own source where the flight fails before its first byte", async () => {
    const { cache, upstream, get } = await openCache();
    upstream.holds.add(repositoryOf("open/b"));
    const leader = get("secret/a");
    const call = await upstream.called(1);
    const follower = get("open/b");
    await expect.poll(() => cache.flights().followers).toBe(1);
    call.fail(new UpstreamError("denied", "403", { upstream: upstream.name, status: 403 }));
    await expect(leader).rejects.toMatchObject({ code: "DENIED" });
    const own = await upstream.called(2);
    expect(own.repository).toBe("open/b");
    own.answer(body.length).push(body, "end");
    expect((await bytesOf(await follower)).equals(body)).toBe(true);
  });

  test("is not let in where the upstream does not prove that its repository has the blob", async () => {
    const { upstream, get } = await openCache();
    const leader = get("secret/a");
    const call = await upstream.called(1);
    await expect(get("open/b")).rejects.toMatchObject({ code: "BLOB_UNKNOWN" });
    call.answer(body.length).push(body, "end");
    expect((await bytesOf(await leader)).equals(body)).toBe(true);
    expect(upstream.calls).toHaveLength(1);
  });
});

describe("a follower from the same repository", () => {
  test("fails with its flight: a second request would say the same", async () => {
    const { upstream, get } = await openCache();
    const both = Promise.allSettled([get("secret/a"), get("secret/a")]);
    (await upstream.called(1)).absent();
    for (const result of await both) {
      expect((result as PromiseRejectedResult).reason).toMatchObject({ code: "BLOB_UNKNOWN" });
    }
    expect(upstream.calls).toHaveLength(1);
  });
});

describe("a stored file that is gone", () => {
  test("is fetched again once, however many clients notice it", async () => {
    const { upstream, budget, index, directory, get } = await openCache();
    const first = get("library/demo");
    (await upstream.called(1)).answer(body.length).push(body, "end");
    await bytesOf(await first);
    await expect.poll(() => index.counts().storedBytes).toBe(body.length);
    await rm(blobPath(directory, digest));
    const all = Promise.all(Array.from({ length: 10 }, async () => bytesOf(await get("library/demo"))));
    (await upstream.called(2)).answer(body.length).push(body, "end");
    for (const bytes of await all) expect(bytes.equals(body)).toBe(true);
    await expect.poll(() => budget.reservedBytes).toBe(0);
    expect(upstream.calls).toHaveLength(2);
    expect(index.counts().storedBytes).toBe(body.length);
  });
});

describe("an upstream that sends nothing for a blob", () => {
  test("is refused where the nothing can be stored", async () => {
    const { upstream, get } = await openCache();
    const answer = get("library/demo");
    (await upstream.called(1)).answer(0).push("end");
    await expect(answer).rejects.toMatchObject({ code: "BAD_UPSTREAM" });
  });

  test("is refused on a full disk too: an empty body is not the blob", async () => {
    const { upstream, get } = await openCache((store) =>
      storeWith(store, { stage: () => Promise.reject(new StoreError("no-space", "ENOSPC", undefined)) }),
    );
    const answer = get("library/demo").then(
      () => "answered",
      (error: unknown) => (error instanceof RegistryError ? error.code : error),
    );
    (await upstream.called(1)).answer(0).push("end");
    expect(await answer).toBe("BAD_UPSTREAM");
  });
});
