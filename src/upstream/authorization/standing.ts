import { performance } from "node:perf_hooks";
import type { RepositoryName } from "../../oci/index.ts";

const trustedForMs = 10 * 60_000;

/** Whether credentials are known to work: for which repositories the origin answered each of them lately. */
export interface Standing {
  answered(repository: RepositoryName, credentialId: string): void;
  /** Whether a repository other than this one was answered to this credential within the last 10 minutes. */
  isProvenBesides(repository: RepositoryName, credentialId: string): boolean;
}

const maxCredentials = 1000;

export function createStanding(now: () => number = () => performance.now()): Standing {
  const standings = new Map<string, Map<RepositoryName, number>>();
  return {
    answered(repository, credentialId) {
      // The two latest are enough: at least one of them is not the repository that is asked about.
      const latest = standings.get(credentialId) ?? new Map<RepositoryName, number>();
      standings.delete(credentialId);
      standings.set(credentialId, latest);
      if (standings.size > maxCredentials) standings.delete(standings.keys().next().value ?? credentialId);
      latest.delete(repository);
      latest.set(repository, now());
      if (latest.size > 2) latest.delete(latest.keys().next().value ?? repository);
    },
    isProvenBesides: (repository, credentialId) =>
      [...(standings.get(credentialId) ?? [])].some(([other, at]) => other !== repository && now() - at < trustedForMs),
  };
}
