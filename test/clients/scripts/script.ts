// A client without a binary here, as the requests it sends.
import type { Checks } from "../checks.ts";
import type { Stage } from "../stage.ts";
import type { Wire } from "./wire.ts";

export interface Script {
  readonly name: string;
  /** Begins with an empty cache; each check builds on the one before. */
  readonly replay: (checks: Checks, stage: Stage, wire: Wire) => Promise<void>;
}

/** The types a client says it takes, in the one header line most of them write. */
export const acceptedManifests = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
