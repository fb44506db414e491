import type { Digest } from "../oci/index.ts";
import type { ListenAddress } from "./hosts.ts";
import type { Amount } from "./quantities.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["auto", "readable", "json"] as const;
export type LogFormat = (typeof logFormats)[number];

export const readChecks = ["always", "stale", "never"] as const;
/** Whether a stored file is hashed while it is read: each time, where the last time is long ago, or never. */
export type ReadCheck = (typeof readChecks)[number];

export const offloads = ["none", "nginx"] as const;
type Offload = (typeof offloads)[number];

export const accessModes = ["open", "basic", "upstream"] as const;
/** Who decides who may pull: nobody, an htpasswd file with rules, or the upstream by the client's own credentials. */
export type AccessMode = (typeof accessModes)[number];

export const pushModes = ["deny", "passthrough"] as const;
export type PushMode = (typeof pushModes)[number];

export const eventKinds = ["tag-moved", "evicted", "corrupt", "upstream-down", "upstream-up", "quota-low"] as const;
export type EventKind = (typeof eventKinds)[number];

/** The whole configuration, checked and frozen. Every room takes the slice it needs as its own type. */
export interface Settings {
  readonly listen: readonly ListenAddress[];
  readonly admin: {
    readonly listen: readonly ListenAddress[];
    readonly tokenFile: string | undefined;
    readonly tls: ServerTlsSettings | undefined;
  };
  /** Of the listeners for pulls, those of single upstreams too. Undefined: plain http. */
  readonly tls: ServerTlsSettings | undefined;
  /** Empty where /metrics, /healthz and /readyz have no listener of their own. */
  readonly metrics: { readonly listen: readonly ListenAddress[] };
  readonly dataDir: string;
  /** `maxSize` undefined: 80 % of the free space and what the store holds. */
  readonly storage: {
    readonly maxSize: Amount | undefined;
    readonly minFree: Amount;
    /** Shares of the budget, 0 to 1: evicting begins above the high one and ends at the low one, which is below it. */
    readonly highWatermark: number;
    readonly lowWatermark: number;
  };
  readonly eviction: { readonly leaseForMs: number; readonly orphanGraceMs: number };
  readonly abandoned: { readonly lingerMs: number; readonly keepForMs: number };
  readonly pins: readonly PinEntry[];
  /** `everyMs` 0: never; may be more than a timer can hold. */
  readonly scrub: {
    readonly everyMs: number;
    readonly rateBytesPerSecond: number;
    readonly verifyOnRead: ReadCheck;
  };
  readonly memory: { readonly hotBlobsBytes: number; readonly maxHotBlobBytes: number };
  readonly serve: {
    readonly idleTimeoutMs: number;
    readonly minRateBytesPerSecond: number;
    readonly drainForMs: number;
    /** At once, per client address; 0: as many as it likes. */
    readonly connectionsPerClient: number;
    readonly fillsPerClient: number;
    /** Who sends the bytes of stored blobs: we, or the nginx in front (X-Accel-Redirect). */
    readonly offload: Offload;
  };
  readonly access: AccessSettings;
  /** Addresses and networks (`10.0.0.0/8`) of proxies in front of us, whose X-Forwarded-… fields are believed. */
  readonly trustedProxies: readonly string[];
  /** Whether clients may send credentials over plain http that is not on loopback. */
  readonly allowPlaintext: boolean;
  /** Content that nobody gets, cached or not. */
  readonly denyDigests: readonly Digest[];
  readonly events: { readonly webhooks: readonly WebhookSettings[] };
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Whether no upstream is ever asked. */
  readonly offline: boolean;
  /** The name of one of `upstreams`. */
  readonly defaultUpstream: string;
  /** The enabled ones, built-in ones first. */
  readonly upstreams: readonly UpstreamEntry[];
}

/** What a listener shows itself as. The files are read again while it runs (`readServerIdentity`). */
export interface ServerTlsSettings extends ServerTlsFiles {
  readonly identity: ServerIdentity;
}

export interface ServerTlsFiles {
  /** The certificate first, then those between it and a root. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Given: a client needs a certificate that one of these has issued. */
  readonly clientCaFile: string | undefined;
}

/** In PEM, checked: the certificates can be read, and the key is that of the first. */
export interface ServerIdentity {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

export interface AccessSettings {
  readonly mode: AccessMode;
  /** Given with the mode `basic`; has been read once. */
  readonly htpasswdFile: string | undefined;
  /** Undefined: every user of the file may pull everything. */
  readonly rules: readonly AccessRule[] | undefined;
  /** How long an upstream's yes to a client's credential is believed; with the mode `upstream`. */
  readonly verdictForMs: number;
}

/** What a user may pull: globs over `<upstream>/<repository>`; what is denied is not allowed. */
export interface AccessRule {
  /** A user of the file, `*` for all of them, or `anonymous` for everybody. */
  readonly user: string;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** A receiver of events. */
export interface WebhookSettings {
  /** http or https, without userinfo or hash; its path and query may hold a secret. No two are the same. */
  readonly url: string;
  /** Has been read once; is read again in use. */
  readonly secretFile: string;
  /** Undefined: every kind. */
  readonly only: readonly EventKind[] | undefined;
}

/** Images that are never evicted. */
export interface PinEntry {
  /** Canonical text of an image pattern (`parseImagePattern`); no two are the same. */
  readonly image: string;
  /** Canonical (`parsePlatform`), at least one. Undefined: all that the image has. */
  readonly platforms: readonly string[] | undefined;
}

/**
 * One upstream registry. `tags`, `tagPatterns` and `limits` are complete: its own values over the global ones over the
 * defaults.
 */
export interface UpstreamEntry {
  /** Lower case; a port is part of it. */
  readonly name: string;
  /** Asked in this order. The first that is no parent is the origin, later ones are mirrors. */
  readonly endpoints: readonly UpstreamEndpoint[];
  /** Hosts (with a port where it is not the scheme's) that may issue tokens besides the endpoint's own host. */
  readonly tokenHosts: readonly string[];
  readonly allowPrivateRedirects: boolean;
  /** Globs over the repository. An empty `allow` allows all; `deny` wins. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly hostnames: readonly string[];
  readonly listen: readonly ListenAddress[];
  /** URL of an HTTP proxy, may hold credentials. Undefined: what HTTPS_PROXY and NO_PROXY say. */
  readonly proxy: string | undefined;
  /** Certificates in PEM to trust besides the system's; read from `caFile`. */
  readonly ca: string | undefined;
  readonly caFile: string | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  /** Whether to go on without credentials where the configured ones do not work. */
  readonly anonymousFallback: boolean;
  /** What holds for tags that no pattern matches. */
  readonly tags: TagSettings;
  /** The first that matches a tag holds for it. */
  readonly tagPatterns: readonly TagPatternSettings[];
  readonly limits: LimitSettings;
  /** Whether nothing is ever asked; true for every upstream where the whole is offline. */
  readonly offline: boolean;
  /** Requests that may be under way at once to each of its hosts, from 1. */
  readonly concurrency: { readonly control: number; readonly blobs: number };
  /** What all its downloads may bring together; 0 for no cap. */
  readonly bandwidthBytesPerSecond: number;
  readonly breaker: { readonly openForMs: number };
  /** A share, 0 to 1, of the pulls that the upstream allows: below it moved tags are not fetched. */
  readonly quota: { readonly keepBack: number };
  /** What happens to pushes: refused, or handed on with the client's own credentials. */
  readonly push: PushMode;
}

export const addressings = ["ns", "path", "plain"] as const;
/** How a parent cache is told which upstream is meant: `?ns=`, the first part of the path, or not at all, since its address says so. */
export type Addressing = (typeof addressings)[number];

export interface UpstreamEndpoint {
  /** http or https, without a trailing slash, userinfo, query or hash. */
  readonly url: string;
  /** Undefined for a registry; else another cache is there, which speaks for the registry. */
  readonly parent: ParentEndpoint | undefined;
  /** The first that matches a repository is used for it; none where the list is empty. */
  readonly credentials: readonly CredentialSettings[];
}

export interface ParentEndpoint {
  readonly addressing: Addressing;
  /** Whether it may see what belongs to the registry: credentials of clients, and our client certificate. */
  readonly isTrusted: boolean;
}

/** `match`: globs over repositories (`compileGlob`); undefined for all, and then it is the last. */
export type CredentialSettings = CredentialOrigin & { readonly match: readonly string[] | undefined };

/** Where a credential comes from. Values of environment variables have been read; files and programs are read in use. */
export type CredentialOrigin =
  | {
      readonly kind: "basic";
      readonly username: string;
      readonly password: string;
      readonly passwordEnv: string | undefined;
    }
  | { readonly kind: "bearer"; readonly token: string; readonly tokenEnv: string | undefined }
  | { readonly kind: "password-file"; readonly username: string; readonly file: string }
  | { readonly kind: "token-file"; readonly file: string }
  | { readonly kind: "docker-config"; readonly file: string }
  /** `docker-credential-<name>`. */
  | { readonly kind: "helper"; readonly name: string }
  /** A program and its arguments; its output is a password where `username` is given, else JSON. */
  | { readonly kind: "command"; readonly command: readonly string[]; readonly username: string | undefined };

/** What proves to an upstream who we are, in PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TagSettings {
  readonly freshForMs: number;
  readonly staleForMs: number;
  readonly staleAfterMs: number;
  readonly absentForMs: number;
  readonly onGone: "drop" | "keep";
  readonly goneGraceMs: number;
  readonly onDenied: "refuse" | "keep";
  /** A tag that has moved is believed after this long; 0: at once. */
  readonly cooldownMs: number;
  readonly cooldownMode: "enforce" | "audit";
}

export interface TagPatternSettings extends TagSettings {
  /** A glob over tags (`compileGlob`). */
  readonly match: string;
}

export interface LimitSettings {
  readonly answerWithinMs: number;
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly attempts: number;
  readonly maxBlobSizeBytes: number;
}
