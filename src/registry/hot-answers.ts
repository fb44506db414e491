import { LRUCache } from "lru-cache";
import type { Cache, Content, ManifestAnswer } from "../cache/index.ts";
import type { Exchange } from "./exchange.ts";
import { ageHeaders, commonHeaders, type Headers } from "./headers.ts";

const maxAnswers = 8192;

/** A hit as it has just been answered. */
export interface Hit {
  content: Content;
  /** Bytes of the whole content. */
  size: number;
  /** Of a tag, that it is not served with for ever. */
  age?: Age | undefined;
  headers: Headers;
}

/** Where an answer is kept, and the state of the cache when it was begun. */
export interface HotPlace {
  key: string;
  revision: number;
}

type Age = NonNullable<ManifestAnswer["age"]>;

export interface HotAnswer extends Hit {
  revision: number;
  answeredAt: number;
  /** Whole seconds since then, as the header has it. */
  second: number;
  header: string[];
  /** What it is counted and logged as. */
  facts: Pick<Exchange, "kind" | "upstream" | "repository" | "reference" | "namespace">;
}

export interface HotAnswersPorts {
  cache: Pick<Cache, "revision" | "used">;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/**
 * Hits that are asked for again and again: what was answered to a plain request is the answer to the next one like it, as long
 * as nothing has changed that it was decided on. A tag's freshness ends by itself.
 */
export class HotAnswers {
  readonly #cache: HotAnswersPorts["cache"];
  readonly #now: () => number;
  readonly #answers = new LRUCache<string, HotAnswer>({ max: maxAnswers });

  constructor({ cache, now }: HotAnswersPorts) {
    this.#cache = cache;
    this.#now = now;
  }

  /** Where the answer that is begun now will be kept. */
  place(key: string): HotPlace {
    return { key, revision: this.#cache.revision };
  }

  /** What was answered to such a request before and is still the answer. */
  find(key: string): HotAnswer | undefined {
    const hot = this.#answers.get(key);
    if (!hot || (hot.revision === this.#cache.revision && this.#renew(hot))) return hot;
    this.#answers.delete(key);
    return undefined;
  }

  remember({ hot, exchange }: { hot: HotPlace | undefined; exchange: Exchange }, hit: Hit): void {
    if (hot?.revision !== this.#cache.revision) return;
    const { kind, upstream, repository, reference, namespace } = exchange;
    const facts = { kind, upstream, repository, reference, namespace };
    const { key, revision } = hot;
    const header = headerOf(exchange, hit, 0);
    this.#answers.set(key, { ...hit, revision, answeredAt: this.#now(), second: 0, header, facts });
  }

  /** Once a second the header is written anew and the content counts as used; false once the answer has expired. */
  #renew(hot: HotAnswer): boolean {
    const second = Math.floor((this.#now() - hot.answeredAt) / 1000);
    if (second === hot.second) return true;
    if (second < hot.second || (hot.age?.ttlSeconds ?? Infinity) <= second) return false;
    hot.second = second;
    hot.header = headerOf(hot.facts, hot, second);
    this.#cache.used(hot.content);
    return true;
  }
}

/** Name, value, name, value: written as it is, without being looked at again. */
function headerOf(facts: Pick<Exchange, "namespace">, { age, headers }: Hit, laterBySeconds: number): string[] {
  const told = {
    ...commonHeaders(facts),
    ...headers,
    ...(age && ageHeaders({ outcome: "hit", age: laterBy(age, laterBySeconds), flag: undefined })),
  };
  return Object.entries(told).flatMap(([name, value]) => [name, String(value)]);
}

function laterBy({ ageSeconds, ttlSeconds }: Age, seconds: number): Age {
  return { ageSeconds: ageSeconds + seconds, ttlSeconds: ttlSeconds === undefined ? undefined : ttlSeconds - seconds };
}
