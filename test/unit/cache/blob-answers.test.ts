import { rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { blobPath, StoreError, type BlobStore } from "../../../src/blobstore/index.ts";
import { digestOf, RegistryError } from "../../../src/oci/index.ts";
import { UpstreamError } from "../../../src/upstream/index.ts";
import { seededBytes } from "../../upstream/index.ts";
import { repositoryOf } from "./hangar.ts";
import { bytesOf, openCache } from "./open-cache.ts";
import { storeWith } from "./store-with.ts";

const body = seededBytes("blob answers", 300_000);
const digest = digestOf(body);

/** A cache of which every client wants the same blob. */
async function openFixture(withStore?: (store: BlobStore) => BlobStore) {
  const fixture = await openCache(withStore);
  return { ...fixture, get: (repository: string) => fixture.get(repository, digest) };
}

describe("a follower from another repository", () => {
  test("tries its own source where the flight fails before its first byte", async () => {
    const { cache, upstream, get } = await openFixture();
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
    const { upstream, get } = await openFixture();
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
    const { upstream, get } = await openFixture();
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
    const { upstream, budget, index, directory, get } = await openFixture();
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
    const { upstream, get } = await openFixture();
    const answer = get("library/demo");
    (await upstream.called(1)).answer(0).push("end");
    await expect(answer).rejects.toMatchObject({ code: "BAD_UPSTREAM" });
  });

  test("is refused on a full disk too: an empty body is not the blob", async () => {
    const { upstream, get } = await openFixture((store) =>
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
