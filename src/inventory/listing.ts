import { inSlices, type ListedTag } from "../metadata/index.ts";
import { parseTag, parseRepositoryName } from "../oci/index.ts";
import { choose, type Chosen, type Ranked } from "./choose.ts";
import { formatCursor, parseCursor, type Cursor } from "./cursor.ts";
import { describe, type DescribePorts } from "./describe.ts";
import type { Image, ImagePage, ImageQuery, ImageSort } from "./images.ts";
import { offersOne } from "./readiness.ts";
import { allTags, isReady, type SurveyedTag } from "./survey.ts";
import { nameOf, placeOf } from "./tag-name.ts";

export interface ListingPorts extends DescribePorts {
  /** All tags, as they were at most a minute ago. */
  surveyed: (sort: ImageSort) => Promise<readonly SurveyedTag[]>;
}

/** How many counts of pages are remembered. */
const maxTotals = 50;

/** The list of images, a page at a time. */
export class Listing {
  readonly #ports: ListingPorts;
  #totals = { revision: -1, byQuery: new Map<string, number>() };

  constructor(ports: ListingPorts) {
    this.#ports = ports;
  }

  /** @throws CursorInvalid */
  async page(query: ImageQuery): Promise<ImagePage> {
    const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, query);
    const { page, total } = needsSurvey(query)
      ? await this.#fromSurvey(query, cursor)
      : await this.#inOrder(query, cursor);
    const shown = page.slice(0, query.limit);
    const last = shown.at(-1);
    return {
      items: await inSlices(this.#described(shown, query)),
      nextCursor: last && page.length > shown.length ? formatCursor(last, query) : undefined,
      total,
    };
  }

  /** By name, as the index has them: as fresh as can be, and no more than the page is looked at. */
  async #inOrder(query: ImageQuery, cursor: Cursor | undefined): Promise<Chosen> {
    const page = await inSlices(this.#pageInOrder(query, cursor));
    return { page, total: await this.#total(query) };
  }

  *#pageInOrder(query: ImageQuery, cursor: Cursor | undefined): Generator<undefined, Ranked[]> {
    const page: Ranked[] = [];
    const { isDescending, limit } = query;
    for (const tag of allTags(this.#ports.index.tagList, { after: cursor?.place, isDescending })) {
      yield;
      if (isNamed(tag, query)) page.push({ place: placeOf(tag), value: 0 });
      if (page.length > limit) break;
    }
    return page;
  }

  async #total(query: ImageQuery): Promise<number> {
    const { index } = this.#ports;
    if (query.q === undefined && query.upstream === undefined) return index.tagList.count();
    if (this.#totals.revision !== index.revision) this.#totals = { revision: index.revision, byQuery: new Map() };
    const { byQuery } = this.#totals;
    const key = JSON.stringify([query.q, query.upstream]);
    const total = byQuery.get(key) ?? (await inSlices(this.#countNamed(query)));
    if (byQuery.size < maxTotals) byQuery.set(key, total);
    return total;
  }

  *#countNamed(query: ImageQuery): Generator<undefined, number> {
    let count = 0;
    for (const tag of allTags(this.#ports.index.tagList)) {
      yield;
      if (isNamed(tag, query)) count += 1;
    }
    return count;
  }

  async #fromSurvey(query: ImageQuery, cursor: Cursor | undefined): Promise<Chosen> {
    const surveyed = await this.#ports.surveyed(query.sort);
    const ranked = function* (this: Listing): Generator<Ranked | undefined> {
      for (const tag of surveyed) {
        yield this.#fits(tag, query) ? { place: tag.place, value: valueOf(tag, query) } : undefined;
      }
    };
    return inSlices(choose(ranked.call(this), query, cursor));
  }

  #fits(tag: SurveyedTag, query: ImageQuery): boolean {
    const { platforms, isOfflineReady, isPinned } = query;
    if (!isNamed(keyOf(tag), query)) return false;
    if (isOfflineReady !== undefined && isReady(tag, platforms, this.#ports.now()) !== isOfflineReady) return false;
    if (isOfflineReady === undefined && platforms && !offersOne(tag.platforms, platforms)) return false;
    return isPinned === undefined || this.#isPinned(tag) === isPinned;
  }

  #isPinned(tag: SurveyedTag): boolean {
    const { index, policy } = this.#ports;
    const { repository, tag: name } = keyOf(tag);
    const listed = index.tagList.tag(repository, name);
    return listed !== undefined && policy.pinsOf(listed.root).length > 0;
  }

  /** What has left meanwhile is left out. */
  *#described(page: readonly Ranked[], { platforms }: ImageQuery): Generator<undefined, Image[]> {
    const images: Image[] = [];
    const { index } = this.#ports;
    for (const ranked of page) {
      yield;
      const { repository, tag: name } = keyOf(ranked);
      const tag = index.tagList.tag(repository, name);
      if (!tag) continue;
      const { root } = tag;
      const described = { repository, root, edges: index.graph.tree(root.id), tag, name: nameOf(tag) };
      images.push(describe(described, platforms, this.#ports));
    }
    return images;
  }
}

function needsSurvey({ sort, isPinned, isOfflineReady, platforms }: ImageQuery): boolean {
  return sort !== "name" || isPinned !== undefined || isOfflineReady !== undefined || platforms !== undefined;
}

function isNamed(tag: Pick<ListedTag, "repository" | "tag">, { q, upstream }: ImageQuery): boolean {
  if (upstream !== undefined && tag.repository.upstream !== upstream) return false;
  return q === undefined || nameOf(tag).toLowerCase().includes(q.toLowerCase());
}

function valueOf(tag: SurveyedTag, { sort }: ImageQuery): number {
  return sort === "name" ? 0 : tag[sort];
}

/** Places of tags that came from the index, whose names have been checked before. */
function keyOf({ place: { upstream, name, tag } }: Pick<Ranked, "place">): Pick<ListedTag, "repository" | "tag"> {
  const [repository, checked] = [parseRepositoryName(name), parseTag(tag)];
  if (repository === undefined || checked === undefined) throw new Error(`the index holds a tag ${name}:${tag}`);
  return { repository: { upstream, name: repository }, tag: checked };
}
