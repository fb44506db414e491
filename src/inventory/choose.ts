import type { TagPlace } from "../metadata/index.ts";
import type { Cursor } from "./cursor.ts";
import type { ImageQuery } from "./images.ts";
import { comparePlaces } from "./tag-name.ts";

/** A tag with what it is sorted by; 0 where that is its name. */
export interface Ranked {
  place: TagPlace;
  value: number;
}

export interface Chosen {
  /** In their order, at most one more than the page holds. */
  page: Ranked[];
  /** How many fit the query, those of other pages included. */
  total: number;
}

/** The first tags behind a cursor, out of tags in any order. A generator, so that the caller can give way to others. */
export function* choose(
  tags: Iterable<Ranked | undefined>,
  { limit, isDescending }: Pick<ImageQuery, "limit" | "isDescending">,
  cursor: Cursor | undefined,
): Generator<undefined, Chosen> {
  const page: Ranked[] = [];
  let total = 0;
  const compare = (one: Ranked, other: Ranked): number =>
    (isDescending ? -1 : 1) * (one.value - other.value || comparePlaces(one.place, other.place));
  for (const tag of tags) {
    yield;
    if (!tag) continue;
    total += 1;
    const last = page.at(-1);
    if (cursor && compare(tag, cursor) <= 0) continue;
    if (page.length > limit && last && compare(tag, last) >= 0) continue;
    page.splice(rankIn(page, tag, compare), 0, tag);
    if (page.length > limit + 1) page.pop();
  }
  return { page, total };
}

function rankIn(page: readonly Ranked[], tag: Ranked, compare: (one: Ranked, other: Ranked) => number): number {
  let [from, to] = [0, page.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    const other = page[middle];
    if (other && compare(other, tag) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
