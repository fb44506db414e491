/** The reference index in SQLite, and the lock of the data directory. */
export { DataDirectoryError, WriteError } from "./errors.ts";
export type * from "./files.ts";
export type * from "./graph.ts";
export { inspectDataDirectory, type DataDirectoryState } from "./inspect.ts";
export { ensureInstanceId } from "./instance-id.ts";
export { lockDataDirectory, type DataLock } from "./lock.ts";
export * from "./metadata.ts";
export type * from "./rows.ts";
export { inSlices } from "./slices.ts";
export { openMetadata, type MetadataObserver } from "./sqlite-metadata.ts";
export type * from "./tag-list.ts";
export { bytesOfTree, type TreeBytes } from "./tree.ts";
