import type { Quota } from "./quota.ts";

/**
 * How entrepot proves who it is to one endpoint. `basic` goes to the endpoint or its token service, `bearer` to the endpoint
 * only, `refresh` (an OAuth2 refresh token) to its token service only.
 */
export type Credentials =
  | { kind: "basic"; username: string; password: string }
  | { kind: "bearer"; token: string }
  | { kind: "refresh"; token: string };

/** Where a credential comes from. */
export type CredentialOrigin =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string }
  | { readonly kind: "password-file"; readonly username: string; readonly file: string }
  | { readonly kind: "token-file"; readonly file: string }
  /** Docker's config.json. */
  | { readonly kind: "docker-config"; readonly file: string }
  /** The program `docker-credential-<name>`. */
  | { readonly kind: "helper"; readonly name: string }
  /** A program and its arguments; its output is the password of `username`, or JSON. */
  | { readonly kind: "command"; readonly command: readonly string[]; readonly username: string | undefined };

/** `match`: globs over the repositories that it is for, all where it is undefined. */
export type CredentialSettings = CredentialOrigin & { readonly match: readonly string[] | undefined };

export interface UpstreamSettings {
  /** The user-visible name: docker.io, registry.corp.example:5443. */
  name: string;
  /** Asked in this order, each with its own credentials or none. The first that is no parent is the origin, later ones are mirrors. */
  endpoints: readonly EndpointSettings[];
  /** Whether to go on without credentials where those of an endpoint do not work. */
  anonymousFallback: boolean;
  /** Hosts that may stand in a bearer realm, besides the endpoint's own; `host` or `host:port`. They may be private. */
  tokenHosts: readonly string[];
  /** Whether a redirect may lead to a private or loopback address. */
  allowPrivateRedirects: boolean;
  /** A proxy for everything this upstream needs; undefined for HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment. */
  proxy: string | undefined;
  /** PEM certificates trusted besides the default roots. */
  ca: string | undefined;
  /** In PEM; shown to the origin, to parents that are trusted, and to `tokenHosts`. */
  clientCertificate: { readonly cert: string; readonly key: string } | undefined;
  limits: UpstreamLimits;
  /** Whether nothing is ever asked. */
  offline: boolean;
  /** Requests that may be under way at once to each host: downloads of blobs, and everything else. */
  concurrency: { control: number; blobs: number };
  /** What all downloads of blobs may bring together; 0 for no cap. */
  bandwidthBytesPerSecond: number;
  /** How long a host that keeps failing is left alone. */
  breaker: { openForMs: number };
  /** `keepBack`: below this share of what the origin allows, 0 to 1, its quota is low. */
  quota: { keepBack: number };
}

export interface EndpointSettings {
  readonly url: string;
  /** Undefined for a registry; else another cache is there, which speaks for the registry. */
  readonly parent?: ParentSettings | undefined;
  /** The first that matches a repository is used for it, and none where none does. */
  readonly credentials: readonly CredentialSettings[];
}

export interface ParentSettings {
  /** How it is told which upstream is meant: `?ns=`, the first part of the path, or not at all, since its address says so. */
  readonly addressing: "ns" | "path" | "plain";
  /** Whether it may see what belongs to the registry: credentials of clients, and our client certificate. */
  readonly isTrusted: boolean;
}

export interface UpstreamLimits {
  connectTimeoutMs: number;
  headerTimeoutMs: number;
  /** How long a body may stand still. There is no limit on the whole of a blob. */
  idleTimeoutMs: number;
  /** How often a question is asked, and a blob is tried without at least 1 MiB of progress in between; at least 1. */
  attempts: number;
}

export type RequestKind = "manifest_tag" | "manifest_digest" | "blob" | "tags" | "referrers";

/** What the room reports while it works. `status` is undefined where there was no answer. */
export interface UpstreamObserver {
  request(kind: RequestKind | "ping" | "other", status: number | undefined, seconds: number): void;
  /** A request was sent again because its kept-alive socket had died, or because every endpoint had failed. */
  retry(): void;
  /** A blob's body is about to be resumed. */
  resume(): void;
  token(status: number | undefined): void;
  /** Our own credentials do not work: they cannot be had, or are refused. `reason` is for the log, and holds no secret. */
  credentialsBroken(reason: string): void;
  /** Bytes of a response body as they came, discarded ones included. */
  bytes(count: number): void;
  /** The breaker of a host, with its port, has opened or closed: an endpoint's, a token service's, or a redirect's. */
  breaker(host: string, isOpen: boolean): void;
  /** The origin has answered a GET of a manifest, which registries count as a pull. */
  pull(): void;
  /** The quota of the origin has become low, or is not any more. */
  quotaCrossed(quota: Quota): void;
}
