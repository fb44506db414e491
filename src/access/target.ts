import type { Pseudonym } from "../chain/index.ts";
import type { Digest, Reference, RepositoryName } from "../oci/index.ts";

/** What a request asks for. */
export type Asked =
  | { kind: "manifest"; reference: Reference }
  | { kind: "blob"; digest: Digest }
  | { kind: "referrers"; digest: Digest }
  | { kind: "tags" };

/** What a request is about, once it has been understood. */
export interface AccessTarget {
  upstream: string;
  repository: RepositoryName;
  what: Asked;
  /** The caches that the request has come through. */
  via?: readonly Pseudonym[];
  /** Where the time is booked that an upstream took, in ms. */
  trace: { upstreamMs: number };
}

/** The digest that a request names itself. */
export function digestOfAsked(what: Asked): Digest | undefined {
  if (what.kind === "tags") return undefined;
  if (what.kind !== "manifest") return what.digest;
  return what.reference.kind === "digest" ? what.reference.digest : undefined;
}
