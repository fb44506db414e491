/** The reference index in SQLite, and the lock of the data directory. */
export * from "./metadata.ts";
