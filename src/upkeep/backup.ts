import { constants, createWriteStream } from "node:fs";
import { copyFile, link, open, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { blobPath, prepareLayout, shelves, syncDirectory, type Shelf } from "../blobstore/index.ts";
import type { Digest } from "../oci/index.ts";
import { checkTarget } from "./backup-target.ts";
import { nextTurn, type UpkeepParts } from "./parts.ts";
import type { BackupReport, JobOptions } from "./upkeep.ts";

/** A copy of a data directory. Files are immutable, so that a hard link is as good as a copy. */
export class Backup {
  readonly #parts: UpkeepParts;
  readonly #target: string;
  readonly #signal: AbortSignal;
  readonly #onProgress: JobOptions["onProgress"];
  readonly #totals: { totalBlobs: number; totalBytes: number };
  readonly #report: BackupReport = { blobs: 0, bytes: 0, linked: 0, skipped: 0 };
  #canLink = true;

  constructor(parts: UpkeepParts, target: string, { signal, onProgress }: JobOptions) {
    const { blobs, storedBytes } = parts.index.counts();
    this.#parts = parts;
    this.#target = target;
    this.#signal = signal;
    this.#onProgress = onProgress;
    this.#totals = { totalBlobs: blobs, totalBytes: storedBytes };
  }

  /** What is newer than the copy of the index is in the files and gets adopted; what is older and gone is a row without a file. */
  async run(): Promise<BackupReport> {
    await checkTarget(this.#parts.directory, this.#target);
    this.#signal.throwIfAborted();
    await prepareLayout(this.#target);
    await this.#parts.index.backup(join(this.#target, "index.db"));
    for (const shelf of shelves) await this.#copyShelf(shelf);
    this.#signal.throwIfAborted();
    await this.#copyFormat();
    return this.#report;
  }

  async #copyShelf({ algorithm, prefix }: Shelf): Promise<void> {
    const rows = this.#parts.index.files.rowsUnder(`${algorithm}:${prefix}`);
    for (const { digest, size, state } of rows) {
      this.#signal.throwIfAborted();
      if (state === "present") await this.#copyBlob(digest, size ?? 0);
    }
    if (rows.length > 0) await syncDirectory(join(this.#target, "blobs", algorithm, prefix));
    await nextTurn();
  }

  async #copyBlob(digest: Digest, size: number): Promise<void> {
    const from = blobPath(this.#parts.directory, digest);
    const to = blobPath(this.#target, digest);
    try {
      if (await this.#link(from, to)) this.#report.linked += 1;
      else await copyDurably(from, to, this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (codeOf(error) !== "ENOENT") throw error;
      this.#report.skipped += 1;
      return;
    }
    this.#report.blobs += 1;
    this.#report.bytes += size;
    this.#onProgress({ blobs: this.#report.blobs, bytes: this.#report.bytes, ...this.#totals });
  }

  /** Resolves to false where a copy is needed. */
  async #link(from: string, to: string): Promise<boolean> {
    if (!this.#canLink) return false;
    try {
      await link(from, to);
      return true;
    } catch (error) {
      // Another file system; elsewhere the next file may be luckier.
      if (codeOf(error) === "EXDEV") this.#canLink = false;
      return false;
    }
  }

  async #copyFormat(): Promise<void> {
    const format = await readFile(join(this.#parts.directory, "FORMAT"));
    await writeFile(join(this.#target, "FORMAT"), format, { flag: "wx", mode: 0o600, flush: true });
    await syncDirectory(this.#target);
    await syncDirectory(dirname(this.#target));
  }
}

/** A clone where the file system makes one; else the bytes, which may take long and can be aborted. */
async function copyDurably(from: string, to: string, signal: AbortSignal): Promise<void> {
  const isCloned = await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
  if (!isCloned) {
    // Opened first, so that nothing is made in the place of a file that is gone.
    const original = await open(from);
    await pipeline(original.createReadStream(), createWriteStream(to, { mode: 0o444, flush: true }), { signal });
    return;
  }
  const handle = await open(to);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
