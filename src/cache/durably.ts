import { WriteError } from "../metadata/index.ts";
import type { CacheObserver } from "./observer.ts";

/**
 * Whether a write to the index came through. A database that refuses costs a later hit, never a pull (promise P5):
 * what the upstream has just said is still true for the request at hand.
 */
export async function durably(observer: CacheObserver, write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (!(error instanceof WriteError)) throw error;
    // Refused is no failure of the store: what the write was about has been evicted meanwhile.
    if (error.kind !== "refused") observer.uncached("database");
    return false;
  }
}
