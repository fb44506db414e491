/** Verified bytes by digest on the local disk: stage, commit, open, remove. */
export * from "./blob-store.ts";
export * from "./errors.ts";
