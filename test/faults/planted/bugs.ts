import type { Patch } from "./variant.ts";

/** The row of a blob is written before its file has its name. */
export const rowBeforeFile: readonly Patch[] = [
  { file: "cache/flights/flight.ts", search: "await this.#part.commit();", replace: "" },
  {
    file: "cache/flights/flight.ts",
    search: "const outcome = await this.#ports.record(upstream, name, this.digest, this.written);",
    replace: `
      const outcome = await this.#ports.record(upstream, name, this.digest, this.written);
      await this.#part.commit();`,
  },
];

/** The files of an evicted image go before the index knows that they do. */
export const fileBeforeRow: readonly Patch[] = [
  {
    file: "eviction/eviction.ts",
    search: "const evicting = index.evict(victims, reason);",
    replace: `
      for (const digest of victims.manifests) await this.#ports.store.remove(digest);
      const evicting = index.evict(victims, reason);`,
  },
];

/** A file gets its name before its bytes are on the disk. */
export const noSyncOfFile: readonly Patch[] = [
  { file: "blobstore/staging-file.ts", search: "await this.#handle.sync();", replace: "" },
];

/** A file is recorded before its name is on the disk. */
export const noSyncOfDirectory: readonly Patch[] = [
  { file: "blobstore/staging-file.ts", search: "await syncDirectory(blobDirectory(directory, digest));", replace: "" },
];

/** A file is unlinked while whoever fetches or revives its digest may be at work on it. */
export const unlinkOutsideTheLock: readonly Patch[] = [
  {
    file: "eviction/removal.ts",
    search: "store.exclusively(digest, async () => {",
    replace: "((_: Digest, work: () => Promise<void>): Promise<void> => work())(digest, async () => {",
  },
];
