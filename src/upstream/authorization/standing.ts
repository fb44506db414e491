import { performance } from "node:perf_hooks";
import type { RepositoryName } from "../../oci/index.ts";

const trustedForMs = 10 * 60_000;

/** Whether our credentials are known to work: which repositories the origin answered lately. */
export interface Standing {
  answered(repository: RepositoryName): void;
  /** Whether a repository other than this one was answered within the last 10 minutes. */
  isProvenBesides(repository: RepositoryName): boolean;
}

export function createStanding(now: () => number = () => performance.now()): Standing {
  // The two latest are enough: at least one of them is not the repository that is asked about.
  const latest = new Map<RepositoryName, number>();
  return {
    answered(repository) {
      latest.delete(repository);
      latest.set(repository, now());
      if (latest.size > 2) latest.delete(latest.keys().next().value ?? repository);
    },
    isProvenBesides: (repository) =>
      [...latest].some(([other, at]) => other !== repository && now() - at < trustedForMs),
  };
}
