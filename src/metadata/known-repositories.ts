import type { RepositoryKey } from "./rows.ts";

/** Names come from clients; so many are remembered before all are forgotten. */
const maxKnown = 20_000;

export interface KnownRepository {
  readonly id: number;
  /** The blob of the manifest that was last asked for: what a pull asks for next is mostly named by it. */
  lastManifest: number | undefined;
}

/** Repositories by name, each id read once: a repository keeps it for as long as the index is open. */
export class KnownRepositories {
  readonly #readId: (repository: RepositoryKey) => number | undefined;
  readonly #known = new Map<string, KnownRepository>();

  constructor(readId: (repository: RepositoryKey) => number | undefined) {
    this.#readId = readId;
  }

  /** Undefined for one of which nothing has been recorded yet. */
  get(repository: RepositoryKey): KnownRepository | undefined {
    // No name of an upstream has a space.
    const key = `${repository.upstream} ${repository.name}`;
    const known = this.#known.get(key);
    if (known) return known;
    const id = this.#readId(repository);
    if (id === undefined) return undefined;
    if (this.#known.size >= maxKnown) this.#known.clear();
    const read = { id, lastManifest: undefined };
    this.#known.set(key, read);
    return read;
  }

  forgetAll(): void {
    this.#known.clear();
  }
}
