/** What keeps files and index in agreement: reconcile, adopt, scrub, verify, back up. */
export { createUpkeep } from "./create-upkeep.ts";
export * from "./upkeep.ts";
