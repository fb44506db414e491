import { mkdir, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { blobPath, listShelf, openBlobStore, shelves } from "../../../src/blobstore/index.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

const ab = { algorithm: "sha256", prefix: "ab" } as const;
const hex = `ab${"0".repeat(62)}`;

async function openStore(): Promise<{ directory: string; place: string }> {
  const directory = await temporaryDirectory();
  await openBlobStore({ directory, bootId: "boot" });
  return { directory, place: join(directory, "blobs", "sha256", "ab") };
}

describe("a shelf", () => {
  test("tells of each file its digest, its size, and when it was written", async () => {
    const { directory, place } = await openStore();
    await writeFile(join(place, hex), "");
    await truncate(join(place, hex), 5_000_000_000);
    await utimes(join(place, hex), 1_700_000_000, 1_700_000_000);
    expect(listShelf(directory, ab)).toEqual([
      {
        ...{ path: join(place, hex), digest: `sha256:${hex}`, size: 5_000_000_000 },
        modifiedAt: 1_700_000_000_000,
      },
    ]);
    expect(listShelf(directory, { algorithm: "sha256", prefix: "ac" })).toEqual([]);
  });

  test("has no digest for what has no business there", async () => {
    const { directory, place } = await openStore();
    const strangers = [
      ...["README", hex.slice(0, 63), `${hex}0`, `${hex}.tmp`, hex.toUpperCase(), `cd${"0".repeat(62)}`, "ab"],
    ];
    for (const name of strangers) await writeFile(join(place, name), "x");
    await mkdir(join(place, `ab${"1".repeat(62)}`));
    await symlink("/etc/hostname", join(place, `ab${"2".repeat(62)}`));
    await symlink("/nowhere", join(place, `ab${"3".repeat(62)}`));
    const found = listShelf(directory, ab);
    expect(found).toHaveLength(strangers.length + 3);
    expect(found.filter(({ digest }) => digest !== undefined)).toEqual([]);
  });

  test("takes a name for a digest of its own algorithm only", async () => {
    const { directory } = await openStore();
    const long = "ab".repeat(64);
    await writeFile(join(directory, "blobs", "sha512", "ab", long), "x");
    await writeFile(join(directory, "blobs", "sha512", "ab", hex), "x");
    await writeFile(join(directory, "blobs", "sha256", "ab", long), "x");
    const digests = [ab, { algorithm: "sha512", prefix: "ab" } as const].flatMap((shelf) =>
      listShelf(directory, shelf).map(({ digest }) => digest),
    );
    expect(digests.filter((digest) => digest !== undefined)).toEqual([`sha512:${long}`]);
  });
});

test("all shelves together have every file of the store once", async () => {
  const { directory } = await openStore();
  const digests = Array.from({ length: 300 }, (_, number) =>
    digestOf(Buffer.from(`blob ${number}`), number % 2 === 0 ? "sha256" : "sha512"),
  );
  for (const digest of digests) await writeFile(blobPath(directory, digest), "x");
  const found = shelves.flatMap((shelf) => listShelf(directory, shelf));
  expect(shelves).toHaveLength(512);
  expect(found.map(({ digest }) => digest).sort()).toEqual([...digests].sort());
  for (const { path, digest } of found) expect(digest && blobPath(directory, digest)).toBe(path);
});
