/** Numbers that are the same for the same seed. */
export interface Random {
  /** From 0, less than 1. */
  next(): number;
  /** A whole number from 0, less than `end`. */
  below(end: number): number;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32: small, and good enough to choose by. */
export function createRandom(seed: number): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return { next, below, pick: <T>(items: readonly T[]): T => items[below(items.length)] as T };
}
