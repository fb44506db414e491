import type { BlobStore } from "../../../src/blobstore/index.ts";

/** The store, but for what the test does instead. */
export function storeWith(store: BlobStore, instead: Partial<BlobStore>): BlobStore {
  return {
    stage: (onWritten) => store.stage(onWritten),
    open: (digest) => store.open(digest),
    readAll: (digest) => store.readAll(digest),
    remove: (digest) => store.remove(digest),
    exclusively: (digest, work) => store.exclusively(digest, work),
    quarantine: (found) => store.quarantine(found),
    probe: () => store.probe(),
    space: () => store.space(),
    close: () => store.close(),
    ...instead,
  };
}
