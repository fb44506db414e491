import type { AskOptions, Reply } from "../../support/instance.ts";
import { sha256 } from "../../support/reply.ts";
import type { PushedImage } from "../../upstream/index.ts";
import { blobPathsOf, tagPath, type PublishedTag, type Resource } from "./published.ts";

/** What was answered as a hit: from then on it has to outlive any crash. */
export interface Hit {
  path: string;
  digest: string;
}

type Ask = (path: string, options?: AskOptions) => Promise<Reply>;

/** A client that checks every byte and remembers what it was told. */
export class Puller {
  /** In the order of the answers. */
  readonly hits: Hit[] = [];
  /** Whole answers with wrong bytes, in words. */
  readonly wrong: string[] = [];
  readonly #ask: Ask;
  #waiting: { count: number; resolve: () => void } | undefined;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async get(path: string, options: AskOptions = {}): Promise<Reply> {
    const reply = await this.#ask(path, options);
    if (!isWhole(reply)) return reply;
    const digest = sha256(reply.body);
    const named = path.includes("sha256:")
      ? path.slice(path.lastIndexOf("/") + 1)
      : reply.headers["docker-content-digest"];
    if (digest !== named) this.wrong.push(`${path}: the bytes have the digest ${digest}`);
    else if (isHit(reply)) this.#note({ path, digest });
    return reply;
  }

  /** Resolves in the moment of the `count`th hit. */
  hitsToBe(count: number): Promise<void> {
    if (this.hits.length >= count) return Promise.resolve();
    return new Promise((resolve) => (this.#waiting = { count, resolve }));
  }

  /** Asks until it is a hit: a client has its last byte before the file is committed. */
  async getHit(path: string): Promise<void> {
    for (let attempts = 0; attempts < 500; attempts += 1) {
      if (isHit(await this.get(path))) return;
    }
    throw new Error(`${path} does not become a hit`);
  }

  /** Manifest by tag, then its blobs one after the other, each until it is a hit. `mustCheck`: the tag may have moved. */
  async pullUntilHit(published: PublishedTag, image: PushedImage, mustCheck: boolean): Promise<void> {
    if (mustCheck) await this.get(tagPath(published), { headers: { "cache-control": "no-cache" } });
    for (const path of [tagPath(published), ...blobPathsOf(published.repository, image)]) await this.getHit(path);
  }

  #note(hit: Hit): void {
    this.hits.push(hit);
    if (this.#waiting && this.hits.length >= this.#waiting.count) this.#waiting.resolve();
  }
}

/** What is wrong with an answer that comes after a crash, in words; undefined where nothing is. */
export function judge({ path, digests }: Resource, reply: Reply, hits: readonly Hit[]): string | undefined {
  const acknowledged = hits.filter((hit) => hit.path === path).map(({ digest }) => digests.indexOf(digest));
  const least = Math.max(-1, ...acknowledged);
  if (!isWhole(reply)) {
    const how = reply.isShort ? "cut short" : String(reply.status);
    return least === -1 ? undefined : `${path}: was a hit, now the answer is ${how}`;
  }
  const version = digests.indexOf(sha256(reply.body));
  if (version === -1) return `${path}: wrong bytes`;
  if (version < least) return `${path}: an older version than the one that was a hit`;
  return least === -1 || isHit(reply) ? undefined : `${path}: was a hit, and is fetched again`;
}

export function isWhole(reply: Reply): boolean {
  return reply.status === 200 && !reply.isShort;
}

function isHit(reply: Reply): boolean {
  return isWhole(reply) && String(reply.headers["cache-status"]).startsWith("entrepot; hit");
}
