/** How entrepot proves who it is to one endpoint. `basic` goes to the endpoint or its token service, `bearer` to the endpoint only. */
export type Credentials = { kind: "basic"; username: string; password: string } | { kind: "bearer"; token: string };

export interface UpstreamSettings {
  /** The user-visible name: docker.io, registry.corp.example:5443. */
  name: string;
  /** The first is the origin, the others are mirrors. Each is asked with its own credentials or none. */
  endpoints: { url: string; credentials: Credentials | undefined }[];
  /** Hosts that may stand in a bearer realm, besides the endpoint's own; `host` or `host:port`. They may be private. */
  tokenHosts: string[];
  /** Whether a redirect may lead to a private or loopback address. */
  allowPrivateRedirects: boolean;
  /** A proxy for everything this upstream needs; undefined for HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment. */
  proxy: string | undefined;
  /** PEM certificates trusted besides the default roots. */
  ca: string | undefined;
  limits: UpstreamLimits;
}

export interface UpstreamLimits {
  connectTimeoutMs: number;
  headerTimeoutMs: number;
  /** How long a body may stand still. There is no limit on the whole of a blob. */
  idleTimeoutMs: number;
  /** How often a blob is tried without at least 1 MiB of progress in between; at least 1. */
  attempts: number;
}

export type RequestKind = "manifest_tag" | "manifest_digest" | "blob" | "tags" | "referrers";

/** What the room reports while it works. `status` is undefined where there was no answer. */
export interface UpstreamObserver {
  request(kind: RequestKind | "ping" | "other", status: number | undefined, seconds: number): void;
  /** A request was sent again because its kept-alive socket had died. */
  retry(): void;
  /** A blob's body is about to be resumed. */
  resume(): void;
  token(status: number | undefined): void;
  /** Bytes of a response body as they came, discarded ones included. */
  bytes(count: number): void;
}
