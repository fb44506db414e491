import type { RepositoryName } from "../oci/index.ts";

/** A repository of one upstream; the unit of membership (promise P8). */
export interface RepositoryKey {
  /** Name of the upstream as configured, for instance `docker.io`. */
  upstream: string;
  name: RepositoryName;
}

export type BlobState = "known" | "present" | "doomed" | "unlinking" | "quarantined";
