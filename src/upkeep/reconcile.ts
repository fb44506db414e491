import { shelves, type Shelf } from "../blobstore/index.ts";
import type { Adoption } from "./adoption.ts";
import { compareShelf, type Disagreement } from "./compare-shelf.ts";
import { readMissingEdges } from "./edges.ts";
import { clearAway, giveUp } from "./losses.ts";
import { attempt, forEachOf, nextTurn, type UpkeepParts } from "./parts.ts";

/** So many files are dealt with side by side, so that one commit serves several. */
const width = 16;
const where = "reconcile";

/** Makes files and rows agree, once, shelf by shelf: first all but the large files without a row, then those. */
export class Reconcile {
  readonly #parts: UpkeepParts;
  readonly #adoption: Adoption;
  readonly #edges = Promise.withResolvers<undefined>();
  readonly #over = Promise.withResolvers<undefined>();
  /** Shelves on which only large files are left to adopt. */
  readonly #waiting = new Set<Shelf>();
  #walked = 0;
  #isOver = false;
  #run: Promise<void> | undefined;

  constructor(parts: UpkeepParts, adoption: Adoption) {
    this.#parts = parts;
    this.#adoption = adoption;
    parts.closing.addEventListener("abort", () => {
      this.#edges.resolve(undefined);
      this.#over.resolve(undefined);
    });
  }

  /** Resolves when the files have no more to tell of edges, or upkeep is closed. */
  get edgesComplete(): Promise<void> {
    return this.#edges.promise;
  }

  /** Resolves when all is done, or upkeep is closed. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** The share of shelves that are done; the last step is the end itself. */
  get ratio(): number {
    return this.#isOver ? 1 : (this.#walked - this.#waiting.size) / (shelves.length + 1);
  }

  run(): Promise<void> {
    this.#run ??= this.#reconcile();
    return this.#run;
  }

  async #reconcile(): Promise<void> {
    const { closing } = this.#parts;
    await this.#onEach(shelves, (shelf) => this.#walk(shelf));
    if (!closing.aborted) await attempt(this.#parts, () => readMissingEdges(this.#parts));
    this.#edges.resolve(undefined);
    await this.#onEach([...this.#waiting], (shelf) => this.#adoptLarge(shelf));
    if (closing.aborted) return;
    this.#isOver = true;
    this.#adoption.end();
    this.#over.resolve(undefined);
  }

  async #onEach(list: readonly Shelf[], work: (shelf: Shelf) => Promise<void>): Promise<void> {
    for (const shelf of list) {
      if (this.#parts.closing.aborted) return;
      await attempt(this.#parts, () => work(shelf));
      await nextTurn();
    }
  }

  async #walk(shelf: Shelf): Promise<void> {
    const parts = this.#parts;
    try {
      const { strangers, missing, resized, unknown } = await this.#compare(shelf);
      if (unknown.large.length > 0) this.#waiting.add(shelf);
      await forEachOf(strangers, 1, (path) => attempt(parts, () => clearAway(parts, path, shelf)));
      await forEachOf(resized, 1, ({ digest, size }) =>
        attempt(parts, () => giveUp(parts, digest, { where, isBad: (found) => found.size !== size })),
      );
      await forEachOf(missing, width, (digest) => attempt(parts, () => giveUp(parts, digest, { where })));
      await forEachOf(unknown.small, width, (digest) => this.#adoption.adopt(digest));
    } finally {
      this.#walked += 1;
    }
  }

  async #adoptLarge(shelf: Shelf): Promise<void> {
    try {
      const { unknown } = await this.#compare(shelf);
      await forEachOf(unknown.large, 1, (digest) => this.#adoption.adopt(digest));
    } finally {
      this.#waiting.delete(shelf);
    }
  }

  async #compare(shelf: Shelf): Promise<Disagreement> {
    const { hasher, index } = this.#parts;
    const files = await hasher.list(shelf);
    return compareShelf(files, index.files.rowsUnder(`${shelf.algorithm}:${shelf.prefix}`));
  }
}
