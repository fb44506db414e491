import { inSlices, type ListedTag, type RepositoryKey } from "../metadata/index.ts";
import { formatImageName, type Digest, type ImageName } from "../oci/index.ts";
import { describe, type Described, type DescribePorts } from "./describe.ts";
import { manifestsOf, referrersOf } from "./detail.ts";
import type { ImageDetail, ImagePage, ImageQuery, ImageSort } from "./images.ts";
import { Listing } from "./listing.ts";
import { isReady, survey, type SurveyedTag } from "./survey.ts";

/** How long a survey of a large store is believed, and how often tags are counted, at most. */
const surveyForMs = 60_000;
/** Up to so many tags a survey is made anew whenever something has changed. */
const smallStore = 2000;
/** Counting is a small part of what this thread does, however many tags there are: the pause after it grows with them. */
const pauseMsPerTag = 2;

export interface InventoryPorts extends DescribePorts {
  setTimer: (ms: number, action: () => void) => () => void;
  /** Is told what went wrong behind everybody's back. */
  onError: (error: unknown) => void;
}

/** How many tags could be pulled whole if every upstream vanished. */
export interface OfflineTags {
  ready: number;
  incomplete: number;
  /** Ms since the epoch; undefined until they have been counted. */
  countedAt: number | undefined;
}

interface Survey {
  tags: SurveyedTag[];
  revision: number;
  madeAt: number;
  /** When the first tag that is ready is too old. */
  validUntil: number;
}

/** What is here. */
export class Inventory {
  readonly #ports: InventoryPorts;
  readonly #listing: Listing;
  #survey: Survey | undefined;
  #surveying: Promise<Survey> | undefined;
  #usedAt = 0;
  #offline: OfflineTags = { ready: 0, incomplete: 0, countedAt: undefined };
  #counted: Pick<Survey, "revision" | "validUntil"> = { revision: -1, validUntil: 0 };
  #cancelTimer: (() => void) | undefined;
  #counting: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(ports: InventoryPorts) {
    this.#ports = ports;
    this.#listing = new Listing({ ...ports, surveyed: (sort) => this.#surveyed(sort) });
  }

  /** As of the last count, which is made at most once a minute and only after something has changed. */
  get offline(): OfflineTags {
    return this.#offline;
  }

  /** Counts now, and from now on. */
  begin(): void {
    if (!this.#isClosed) this.#counting = this.#keepCounting();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    await this.#counting;
    await this.#surveying?.catch(() => undefined);
  }

  /** @throws CursorInvalid */
  images(query: ImageQuery): Promise<ImagePage> {
    return this.#listing.page(query);
  }

  /** One image with all that it consists of; undefined where it is not stored. */
  async image(name: ImageName): Promise<ImageDetail | undefined> {
    const described = this.#find(name);
    if (!described) return undefined;
    const { graph } = this.#ports.index;
    const { root, edges } = described;
    return {
      ...describe(described, undefined, this.#ports),
      manifests: await inSlices(manifestsOf(root, edges, graph)),
      referrers: referrersOf(root, edges, graph),
    };
  }

  #find(image: ImageName): Described | undefined {
    const { upstream, repository: name, reference } = image;
    const { index } = this.#ports;
    const repository: RepositoryKey = { upstream, name };
    const tag = reference.kind === "tag" ? index.tagList.tag(repository, reference.tag) : undefined;
    const root = reference.kind === "tag" ? tag?.root : this.#manifest(repository, reference.digest);
    return root && { repository, root, edges: index.graph.tree(root.id), tag, name: formatImageName(image) };
  }

  #manifest(repository: RepositoryKey, digest: Digest): ListedTag["root"] | undefined {
    const { index } = this.#ports;
    const node = index.isMember(repository, digest) ? index.graph.manifest(digest) : undefined;
    const mediaType = index.manifest(digest)?.mediaType;
    if (!node || mediaType === undefined) return undefined;
    return { ...node, mediaType, storedAt: index.graph.blobFacts(digest)?.storedAt };
  }

  async #surveyed(sort: ImageSort): Promise<readonly SurveyedTag[]> {
    this.#usedAt = this.#ports.now();
    const known = this.#survey;
    return known && this.#isGood(known, sort) ? known.tags : (await this.#makeSurvey()).tags;
  }

  /** Times of access change without being counted as a change. */
  #isGood({ tags, revision, madeAt }: Survey, sort: ImageSort): boolean {
    const { index, now } = this.#ports;
    const isUnchanged = revision === index.revision && sort !== "lastPulledAt";
    return isUnchanged || (tags.length > smallStore && now() < madeAt + surveyForMs);
  }

  /** One for all who ask meanwhile. */
  #makeSurvey(): Promise<Survey> {
    this.#surveying ??= this.#makeSurveyNow().finally(() => (this.#surveying = undefined));
    return this.#surveying;
  }

  async #makeSurveyNow(): Promise<Survey> {
    const { index, now } = this.#ports;
    // Before it is begun: what changes meanwhile is looked at the next time.
    const { revision } = index;
    const tags = await inSlices(survey(this.#ports));
    const madeAt = now();
    const made = { tags, revision, madeAt, validUntil: firstExpiry(tags, madeAt) };
    this.#survey = made;
    return made;
  }

  async #keepCounting(): Promise<void> {
    const { index, now, onError } = this.#ports;
    try {
      if (this.#counted.revision !== index.revision || now() >= this.#counted.validUntil) await this.#count();
    } catch (error) {
      onError(error);
    }
    if (now() >= this.#usedAt + surveyForMs) this.#survey = undefined;
    if (this.#isClosed) return;
    const tags = this.#offline.ready + this.#offline.incomplete;
    this.#cancelTimer = this.#ports.setTimer(Math.max(surveyForMs, tags * pauseMsPerTag), () => {
      this.#counting = this.#keepCounting();
    });
  }

  async #count(): Promise<void> {
    const { tags, revision, madeAt, validUntil } = await this.#makeSurvey();
    const ready = tags.filter((tag) => isReady(tag, undefined, madeAt)).length;
    this.#counted = { revision, validUntil };
    this.#offline = { ready, incomplete: tags.length - ready, countedAt: madeAt };
  }
}

function firstExpiry(tags: readonly SurveyedTag[], now: number): number {
  return tags.reduce((first, { servedUntil }) => (servedUntil > now ? Math.min(first, servedUntil) : first), Infinity);
}
