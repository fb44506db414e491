import type { Metadata, TagRow } from "../../metadata/index.ts";
import type { Digest, Tag } from "../../oci/index.ts";
import type { Clock } from "../clock.ts";
import { durably } from "../durably.ts";
import type { CacheObserver } from "../observer.ts";
import type { Source } from "../source.ts";
import type { Word } from "./word.ts";

export interface TagWritesPorts {
  index: Metadata;
  clock: Clock;
  observer: CacheObserver;
}

interface Of {
  source: Source;
  tag: Tag;
}

/** Writes what requests have found out about tags, unless a push has made it old meanwhile. */
export class TagWrites {
  readonly #ports: TagWritesPorts;

  constructor(ports: TagWritesPorts) {
    this.#ports = ports;
  }

  async write({ source }: Of, write: () => Promise<void>): Promise<boolean> {
    return source.mark.isCurrent() && durably(this.#ports.observer, write());
  }

  /** The tag names `digest`, which is stored. */
  async move(of: Of, digest: Digest, word: Word): Promise<void> {
    const { index, clock } = this.#ports;
    await this.write(of, () => this.#dated(of, word, index.moveTag(of.source.key, of.tag, digest, clock.now())));
  }

  /** The tag still names what it has named here; a digest that was named in between, and never fetched, is forgotten. */
  async confirm(of: Of, row: TagRow, digest: Digest, word: Word): Promise<void> {
    if (row.pending) await this.move(of, digest, word);
    else await this.write(of, () => this.#ports.index.confirmTag(of.source.key, of.tag, word.checkedAt));
  }

  /** The tag names a digest that has to be fetched, or is not to be believed yet (`holdForMs`). */
  async pend(of: Of, named: NonNullable<TagRow["pending"]>, word: Word, holdForMs: number): Promise<void> {
    const { index, clock } = this.#ports;
    const { source, tag } = of;
    await this.write(of, () =>
      this.#dated(of, word, index.recordPending(source.key, tag, named, clock.now(), holdForMs)),
    );
  }

  /** What a parent has known for a while is dated back, so that it is not fresh for longer here (RFC 9111 section 4.2.3). */
  async #dated({ source, tag }: Of, word: Word, written: Promise<void>): Promise<void> {
    const isOld = word.checkedAt < this.#ports.clock.now();
    // Sent together they are one transaction.
    await Promise.all([written, isOld && this.#ports.index.confirmTag(source.key, tag, word.checkedAt)]);
  }
}
