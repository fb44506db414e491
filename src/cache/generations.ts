import { LRUCache } from "lru-cache";
import type { RepositoryKey } from "../metadata/index.ts";

const maxRepositories = 10_000;

/** A moment in the life of a repository, taken before the upstream is asked about it. */
export interface Mark {
  generation: number;
  /** Whether nothing was pushed through us since: what the upstream said after the mark may be written down. */
  isCurrent(): boolean;
}

/**
 * A number per repository that grows with every push, so that a revalidation that was under way when the push came does
 * not write the old digest back.
 */
export class Generations {
  #latest = 0;
  /** The generation of every repository that is not in the map: at least that of any that fell out of it. */
  #floor = 0;
  readonly #generations: LRUCache<string, number>;

  constructor(max = maxRepositories) {
    this.#generations = new LRUCache({
      max,
      dispose: (generation, _, reason) => {
        if (reason === "evict") this.#floor = Math.max(this.#floor, generation);
      },
    });
  }

  mark(repository: RepositoryKey): Mark {
    const generation = this.#of(repository);
    return { generation, isCurrent: () => this.#of(repository) === generation };
  }

  advance(repository: RepositoryKey): void {
    this.#latest += 1;
    this.#generations.set(keyOf(repository), this.#latest);
  }

  #of(repository: RepositoryKey): number {
    return this.#generations.get(keyOf(repository)) ?? this.#floor;
  }
}

function keyOf({ upstream, name }: RepositoryKey): string {
  return `${upstream} ${name}`;
}
