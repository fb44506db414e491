import { blobPath } from "../blobstore/index.ts";
import type { Digest } from "../oci/index.ts";
import type { Hashed } from "./hash-protocol.ts";
import { judge } from "./judge.ts";
import { isUnknown, lookAt, quarantineUnknown } from "./losses.ts";
import { attempt, type UpkeepParts } from "./parts.ts";

/** Files that the index does not know get a row, once they have been hashed and are right. */
export class Adoption {
  readonly #parts: UpkeepParts;
  readonly #running = new Map<Digest, Promise<boolean>>();
  #isOver = false;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Every file has been seen: from now on there is nothing to adopt. */
  end(): void {
    this.#isOver = true;
  }

  /** Resolves to whether the digest is present afterwards; never rejects. One piece of work for all who ask. */
  adopt(digest: Digest): Promise<boolean> {
    if (this.#parts.closing.aborted) return Promise.resolve(false);
    const isPresent = this.#isPresent(digest);
    if (isPresent || this.#isOver) return Promise.resolve(isPresent);
    const running = this.#running.get(digest);
    if (running) return running;
    const adopting = attempt(this.#parts, () => this.#judgeAndAdopt(digest))
      .then(() => !this.#parts.closing.aborted && this.#isPresent(digest))
      .finally(() => this.#running.delete(digest));
    this.#running.set(digest, adopting);
    return adopting;
  }

  #isPresent(digest: Digest): boolean {
    return this.#parts.index.blob(digest)?.state === "present";
  }

  async #judgeAndAdopt(digest: Digest): Promise<void> {
    const { directory, index, closing } = this.#parts;
    if (!isUnknown(index.blob(digest)) || !(await lookAt(blobPath(directory, digest)))) return;
    const judgement = await judge(this.#parts, digest, { signal: closing, wantsManifest: true });
    switch (judgement.verdict) {
      case "right":
        return this.#record(digest, judgement.hashed);
      case "undecided":
        throw judgement.cause;
      case "missing":
        return;
      case "wrong":
      case "unreadable":
        return quarantineUnknown(this.#parts, digest, judgement.changedAt);
    }
  }

  #record(digest: Digest, { size, modifiedAt, changedAt, manifest }: Hashed): Promise<void> {
    const { directory, store, index, observer } = this.#parts;
    return store.exclusively(digest, async () => {
      if (!isUnknown(index.blob(digest))) return;
      const found = await lookAt(blobPath(directory, digest));
      if (found?.ctimeMs !== changedAt) return;
      if (manifest) await index.adoptManifestFile({ digest, size, ...manifest }, modifiedAt);
      else await index.adoptBlob(digest, size, modifiedAt);
      observer.adopted(digest);
    });
  }
}
