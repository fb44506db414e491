import { mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { blobPath, openBlobStore, type BlobStore } from "../../../src/blobstore/index.ts";
import { digestOf, type Digest } from "../../../src/oci/index.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

const MiB = 1024 * 1024;

interface Fixture {
  store: BlobStore;
  directory: string;
  /** Names in `quarantine/` without their numbers, sorted. */
  names: () => Promise<string[]>;
  /** A file among the blobs; how long ago it was written. */
  put: (text: string, bytes?: number, ageMs?: number) => Promise<Digest>;
}

async function openFixture(): Promise<Fixture> {
  const directory = await temporaryDirectory();
  const store = await openBlobStore({ directory, bootId: "boot" });
  return {
    store,
    directory,
    names: async () => {
      const names = await readdir(join(directory, "quarantine"));
      return names.map((name) => name.replace(/\.\d+(\W\d+)?$/, "")).sort();
    },
    async put(text, bytes = 10, ageMs = 0) {
      const digest = digestOf(Buffer.from(text));
      const path = blobPath(directory, digest);
      await writeFile(path, text);
      await truncate(path, bytes);
      await utimes(path, new Date(), new Date(Date.now() - ageMs));
      return digest;
    },
  };
}

/** What has been in quarantine for so long. */
async function age(directory: string, name: string, ms: number): Promise<void> {
  const names = await readdir(join(directory, "quarantine"));
  const path = join(directory, "quarantine", names.find((other) => other.startsWith(name)) ?? name);
  await utimes(path, new Date(), new Date(Date.now() - ms));
}

const hexOf = (digest: Digest): string => digest.split(":")[1] ?? "";

describe("quarantine", () => {
  test("takes the file of a digest out of the store, under its name, with all its bytes", async () => {
    const { store, directory, names, put } = await openFixture();
    const digest = await put("wrong bytes", 11);
    await store.quarantine(digest);
    expect(await store.open(digest)).toBeUndefined();
    expect(await names()).toEqual([hexOf(digest)]);
    const [name = ""] = await readdir(join(directory, "quarantine"));
    expect(await readFile(join(directory, "quarantine", name), "utf8")).toBe("wrong bytes");
  });

  test("takes whatever else lies among the blobs", async () => {
    const { store, directory, names } = await openFixture();
    const paths = ["README", "other"].map((name) => join(directory, "blobs", "sha256", "ab", name));
    await writeFile(paths[0] ?? "", "a stranger");
    await mkdir(join(paths[1] ?? "", "deep"), { recursive: true });
    for (const path of paths) await store.quarantine({ path });
    expect(await names()).toEqual(["README", "other"]);
    expect(await readdir(join(directory, "blobs", "sha256", "ab"))).toEqual([]);
  });

  test("does not mind what is gone", async () => {
    const { store, directory, names } = await openFixture();
    await store.quarantine(digestOf(Buffer.from("nowhere")));
    await store.quarantine({ path: join(directory, "blobs", "sha256", "ab", "nothing") });
    expect(await names()).toEqual([]);
  });

  test("keeps both of two files of the same name, even if they come at the same time", async () => {
    const { store, directory, names } = await openFixture();
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const paths = ["ab", "ac"].map((shelf) => join(directory, "blobs", "sha256", shelf, "README"));
    for (const path of paths) {
      await writeFile(path, "a stranger");
      await store.quarantine({ path });
    }
    expect(await names()).toEqual(["README", "README"]);
  });

  test("keeps a hundred files, of which the oldest goes by its arrival, not by what it was before", async () => {
    const { store, directory, names, put } = await openFixture();
    const first = await put("first", 10, 0);
    await store.quarantine(first);
    await age(directory, hexOf(first), 60_000);
    for (let number = 0; number < 99; number += 1) {
      await writeFile(join(directory, "quarantine", `kept ${number}.1`), "");
    }
    expect(await names()).toHaveLength(100);
    const ancient = await put("ancient", 10, 86_400_000);
    await store.quarantine(ancient);
    const left = await names();
    expect([left.length, left.includes(hexOf(first)), left.includes(hexOf(ancient))]).toEqual([100, false, true]);
  });

  test("keeps a gibibyte, the newest first, and the newest whatever its size", async () => {
    const { store, directory, names, put } = await openFixture();
    const digests: Digest[] = [];
    for (const [text, bytes] of [
      ["a", 600],
      ["b", 300],
      ["c", 300],
    ] as const) {
      const digest = await put(text, bytes * MiB);
      digests.push(digest);
      await store.quarantine(digest);
      await age(directory, hexOf(digest), 60_000 - digests.length * 1000);
    }
    const [, b = "", c = ""] = digests.map(hexOf);
    expect(await names()).toEqual([b, c].sort());
    const huge = await put("huge", 3000 * MiB);
    await store.quarantine(huge);
    expect(await names()).toEqual([hexOf(huge)]);
    expect((await stat(join(directory, "quarantine"))).isDirectory()).toBe(true);
  });

  test("is kept within its bounds though a directory lies in it, which is the oldest", async () => {
    const { store, directory, names, put } = await openFixture();
    const stranger = join(directory, "blobs", "sha256", "ab", "stranger");
    await mkdir(join(stranger, "deep"), { recursive: true });
    await store.quarantine({ path: stranger });
    await age(directory, basename(stranger), 60_000);
    for (let number = 0; number < 105; number += 1) {
      await writeFile(join(directory, "quarantine", `kept ${number}.1`), "");
      await age(directory, `kept ${number}.1`, 30_000);
    }
    const digest = await put("last");
    await store.quarantine(digest);
    expect(await names()).toContain(hexOf(digest));
    expect((await names()).length).toBeLessThanOrEqual(101);
  });

  test("takes many at once beyond its bounds", async () => {
    const { store, directory, names, put } = await openFixture();
    for (let number = 0; number < 100; number += 1) {
      await writeFile(join(directory, "quarantine", `kept ${number}.1`), "");
      await age(directory, `kept ${number}.1`, 30_000);
    }
    const digests = await Promise.all(Array.from({ length: 30 }, (_, number) => put(`wrong ${number}`)));
    const results = await Promise.allSettled(digests.map((digest) => store.quarantine(digest)));
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    const left = await names();
    expect(left).toHaveLength(100);
    expect(left).toEqual(expect.arrayContaining(digests.map(hexOf)));
  });
});

test("a probe shows that a file can be made durable, and leaves nothing", async () => {
  const { store, directory } = await openFixture();
  await Promise.all([store.probe(), store.probe()]);
  expect(await readdir(join(directory, "ingest"))).toEqual([]);
});
