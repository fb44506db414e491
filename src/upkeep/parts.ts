import type { Hasher } from "./hasher.ts";
import type { UpkeepOptions } from "./upkeep.ts";

/** What every piece of upkeep works with. */
export interface UpkeepParts extends UpkeepOptions {
  hasher: Pick<Hasher, "list" | "hash">;
  /** Aborted when upkeep is closed. */
  closing: AbortSignal;
}

/** What `work` resolves to; undefined where it failed, which the observer is told unless it is because of closing. */
export async function attempt<T>({ observer, closing }: UpkeepParts, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!closing.aborted) observer.failed(error);
    return undefined;
  }
}

/** Runs `work` for every item, in their order, `width` of them at a time. */
export async function forEachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const takeAll = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: width }, takeAll));
}

/** Lets the event loop turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
