/** The nouns and the grammar of image-spec and distribution-spec. Pure: no I/O, no settings. */
export * from "./digest.ts";
export * from "./errors.ts";
export * from "./manifest.ts";
export * from "./media-types.ts";
export * from "./reference.ts";
export * from "./repository-name.ts";
