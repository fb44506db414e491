/** The client of other registries: challenge, token, redirect, resume. Knows nothing of the cache. */
export * from "./create-upstream.ts";
export * from "./errors.ts";
export type { Credentials, RequestKind, UpstreamLimits, UpstreamObserver, UpstreamSettings } from "./settings.ts";
export * from "./upstream.ts";
