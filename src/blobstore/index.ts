/** Verified bytes by digest on the local disk: stage, commit, open, remove. */
export * from "./blob-store.ts";
export { openBlobStore } from "./disk-blob-store.ts";
export { isOutOfDescriptors, StoreError } from "./errors.ts";
export { blobPath, prepareLayout, relativeBlobPath, syncDirectory } from "./layout.ts";
export { listShelf, shelves, type FoundFile, type Shelf } from "./walk.ts";
