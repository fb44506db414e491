/** The nouns and the grammar of image-spec and distribution-spec. Pure: no I/O, no settings. */
export * from "./authority.ts";
export * from "./digest.ts";
export * from "./errors.ts";
export { compileGlob, type Glob } from "./glob.ts";
export { formatImageName, parseImageName, type ImageName } from "./image-name.ts";
export { ImageNameInvalid } from "./image-parts.ts";
export * from "./image-pattern.ts";
export * from "./manifest.ts";
export * from "./media-types.ts";
export { parsePlatform, platformMatches } from "./platform.ts";
export type { Mount, PushOperation } from "./push-operation.ts";
export * from "./reference.ts";
export * from "./repository-name.ts";
