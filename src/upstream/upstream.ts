import type { Credentials } from "./settings.ts";
import type { Digest, Reference, RepositoryName } from "../oci/index.ts";
import type { Pseudonym } from "../chain/index.ts";
import type { ParentSaid } from "./parents.ts";
import type { Quota } from "./quota.ts";

/** What the request behind a question hands on to the caches that it leads to. */
export interface Onward {
  /** The caches that it has come through, as they call themselves. */
  via?: readonly Pseudonym[] | undefined;
  /** Whether caches shall ask the registry, however fresh what they have is. */
  mustRevalidate?: boolean | undefined;
}

/** What a caller decides about one question. */
export interface RequestOptions extends Onward {
  /** Aborts the request; its reason is thrown as it is. */
  signal: AbortSignal;
  /** When the caller gives up, in ms of the clock that the client was given: no wait is begun that would end later. */
  deadlineAt?: number | undefined;
  /** The caller has something to answer with at once: every endpoint is asked once, and nothing is waited for. */
  isHurried?: boolean | undefined;
}

/** How a blob that breaks off goes on. */
export interface OpenOptions extends RequestOptions {
  /** Through which view of this upstream, and which repository, the next request goes; undefined for the same as before. */
  resumeAs?: () => { upstream: Upstream; repository: RepositoryName } | undefined;
}

/** What an upstream's HEAD of a manifest said. All of it is advisory; absent fields were not sent. */
export interface ManifestHead {
  digest: Digest | undefined;
  size: number | undefined;
  /** Without parameters, lower case; undefined where the header was missing. */
  contentType: string | undefined;
  /** False where a mirror answered because the origin failed. */
  isFromOrigin: boolean;
  /** Where it came through another cache. */
  parent?: ParentSaid | undefined;
}

/** The bytes of a manifest as the upstream sent them: at most 4 MiB, not verified, not parsed. */
export interface ManifestBody {
  bytes: Buffer;
  /** `Docker-Content-Digest`, where it was sent and is a digest. */
  digest: Digest | undefined;
  contentType: string | undefined;
  isFromOrigin: boolean;
  /** Where it came through another cache. */
  parent?: ParentSaid | undefined;
}

export interface BlobRange {
  /** First byte wanted, 0-based. */
  from: number;
  /** Last byte wanted, inclusive; undefined for the rest of the blob. */
  to?: number | undefined;
}

/** An open blob download. The upstream's response header has been received and was a 200 or a 206. */
export interface BlobBody {
  /** Length of the whole blob in bytes as the upstream stated it (Content-Length or Content-Range); undefined if it did not. */
  size: number | undefined;
  /** Members of Cache-Status of the caches that it comes through. */
  hops?: string | undefined;
  /**
   * The bytes from `from` to `to`, each exactly once and in order, whatever happens underneath: a broken or stalled
   * response is resumed by Range with a fresh redirect and token, at the next endpoint if need be.
   * Not verified. Throws UpstreamError when attempts are used up. Returning early closes the connection.
   */
  chunks: AsyncIterable<Buffer>;
}

/** Whether a repository has a blob, and its size where the upstream stated it. */
export type BlobProof = { present: true; size: number | undefined } | { present: false };

/** What was collected over all pages of a list; of several caches' words the oldest counts. */
interface Listing {
  parent?: ParentSaid | undefined;
}

export interface TagListing extends Listing {
  tags: string[];
  /** False where the upstream has more than 10,000 tags or 100 pages, or its next page may not be asked for. */
  isComplete: boolean;
}

export interface ReferrerListing extends Listing {
  manifests: Record<string, unknown>[];
}

/**
 * One configured upstream registry, all its endpoints.
 * Absence (404 at the origin) is a value: undefined, or `present: false`. Everything else that went wrong is an UpstreamError.
 */
export interface Upstream {
  readonly name: string;
  /**
   * All fields are undefined where the origin answers a HEAD with 401, 403, 405 or 501: a GET decides, and throws with
   * a believable `isRefusal` where it is refused too.
   */
  headManifest(
    repository: RepositoryName,
    reference: Reference,
    options: RequestOptions,
  ): Promise<ManifestHead | undefined>;
  getManifest(
    repository: RepositoryName,
    reference: Reference,
    options: RequestOptions,
  ): Promise<ManifestBody | undefined>;
  /** `signal` ends the request until the header has come; afterwards returning from `chunks` does, or the same signal. */
  openBlob(
    repository: RepositoryName,
    digest: Digest,
    range: BlobRange,
    options: OpenOptions,
  ): Promise<BlobBody | undefined>;
  /** HEAD, or a one-byte range GET where HEAD is refused; redirects are followed to the end, a redirect alone proves nothing. */
  proveBlob(repository: RepositoryName, digest: Digest, options: RequestOptions): Promise<BlobProof>;
  /** All tags, collected over the upstream's own pages, at most 10,000 (`isComplete` false if there were more). */
  listTags(repository: RepositoryName, options: RequestOptions): Promise<TagListing | undefined>;
  /** The descriptors of the referrers of `digest`, unfiltered, over all pages; undefined where the upstream has no referrers API (404, or it leads to a web page). */
  listReferrers(
    repository: RepositoryName,
    digest: Digest,
    options: RequestOptions,
  ): Promise<ReferrerListing | undefined>;
  /** What the origin has said about how much may be pulled. */
  quota(): Quota;
  /** Whether every endpoint is known to be down: whoever has a copy need not wait for an answer that will hardly come. */
  isFailing(): boolean;
}

/** The credential of a client, or its having none. */
export interface Client {
  /** Names the credential: tokens and connections are kept by it. */
  id: string;
  credentials: Credentials | undefined;
}

/** How one endpoint fares. */
export interface EndpointStanding {
  /** With its port where it is not the scheme's. */
  host: string;
  isOrigin: boolean;
  /** `probing`: the next request, or one that is under way, tells whether it is back. */
  breaker: "closed" | "open" | "probing";
  /** Ms since the epoch; undefined unless it is open. */
  openUntil: number | undefined;
}

/** An upstream with the credentials of the configuration. */
export interface ConfiguredUpstream extends Upstream {
  /**
   * The same upstream as a client sees it: its origin and the parents that are trusted, asked with the client's credential and
   * with nothing of ours. What is refused to the client is a refusal (`isRefusal`), whatever the reason.
   */
  as(client: Client): Upstream;
  /** In their order, the origin first. */
  endpoints(): EndpointStanding[];
  close(): Promise<void>;
}
