/** The policy of the cache: hit, stale, filled, absent; flights; freshness; membership. */
export { createCache, type Cache, type CachePorts, type Content, type Target } from "./cache.ts";
export type {
  BlobAnswer,
  EnterFill,
  ManifestAnswer,
  RangeUnsatisfiable,
  ReferrersAnswer,
  TagsAnswer,
} from "./answers.ts";
export { BodyBroken } from "./broken.ts";
export type { Prefetched } from "./blobs/prefetch.ts";
export type { Refreshed } from "./manifests/refresh.ts";
export type { Fill } from "./flights/flights.ts";
export type { CacheObserver } from "./observer.ts";
export { systemClock, type Clock } from "./clock.ts";
export { spanOf, type ByteRange } from "./blobs/ranges.ts";
export { clientError } from "./source.ts";
export type { BlobReader } from "./blobs/reader.ts";
export type { Change } from "./pushes.ts";
