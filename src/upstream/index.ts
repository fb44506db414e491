/** The client of other registries: challenge, token, redirect, resume. Knows nothing of the cache. */
export * from "./errors.ts";
export * from "./upstream.ts";
