import type { Database } from "better-sqlite3";
import type { Digest, Tag } from "../oci/index.ts";
import { WriteError } from "./errors.ts";
import type { RepositoryKey } from "./rows.ts";
import type { TagMove, WriteOp } from "./protocol.ts";
import type { PinRow } from "./graph.ts";
import { Removals } from "./removals.ts";
import { writeSql, type WriteStatements } from "./write-sql.ts";

/** A tag's earlier digests beyond these are forgotten. */
const keptPeriods = 50;

type OpOf<Name extends WriteOp["op"]> = Extract<WriteOp, { op: Name }>;

interface TagKey {
  repository: number;
  tag: Tag;
}

/** What each kind of write does to the tables. The caller holds the transaction. */
export class Writes {
  readonly #sql: WriteStatements;
  readonly #removals: Removals;

  constructor(database: Database) {
    const prepared = Object.entries(writeSql).map(([name, sql]) => [name, database.prepare(sql)] as const);
    this.#sql = Object.fromEntries(prepared) as WriteStatements;
    this.#removals = new Removals(this.#sql);
  }

  /** Files that are on the disk, in bytes; what a disk that fails throws. */
  storedBytes(): number {
    const row = this.#sql.storedBytes.get() as { value: number };
    return row.value;
  }

  /**
   * What the operation has to tell; nothing for most.
   * @throws WriteError `refused` for a tag that is to name a manifest which is not stored; else what SQLite throws.
   */
  apply(op: WriteOp): unknown {
    switch (op.op) {
      case "evict":
        return this.#removals.evict(op);
      case "removed":
        this.#removals.removed(op.digests);
        break;
      case "revive":
        return this.#sql.revive.run({ digest: op.digest, at: op.at }).changes === 1;
      case "adoptBlob":
        this.#adoptBlob(op);
        break;
      case "verified":
        for (const digest of op.digests) this.#sql.verified.run({ digest, at: op.at });
        break;
      case "probe":
        this.#sql.probe.run({ at: op.at });
        break;
      case "edgesRead":
        this.#sql.edgesRead.run();
        break;
      case "holdTag":
        this.#holdTag(op);
        break;
      case "putPin":
        this.#putPin(op.pin);
        break;
      case "dropPin":
        return this.#sql.dropPin.run({ image: op.image }).changes > 0;
      case "setConfigPins":
        this.#sql.dropConfigPins.run();
        for (const pin of op.pins) this.#putPin({ ...pin, origin: "config" });
        break;
      case "recordBlob":
        this.#recordBlob(op);
        break;
      case "recordMember":
        this.#recordMember(op);
        break;
      case "recordManifest":
        return this.#recordManifest(op);
      case "moveTag":
        return this.#moveTag(op);
      case "recordPending":
        this.#recordPending(op);
        break;
      case "confirmTag":
      case "markTagGone":
      case "dropTag":
        this.#changeTag(op);
        break;
      case "recordListing":
        this.#sql.storeListing.run({ ...op, repository: this.#addRepository(op.repository) });
        break;
      case "dropListing":
        this.#sql.dropListing.run({ ...op, repository: this.#repositoryId(op.repository) });
        break;
      case "forgetFile":
        this.#sql.forgetFile.run(op.digest);
        break;
      case "touch":
        this.#touch(op);
        break;
    }
    return undefined;
  }

  /** The mark by which the next process knows whether this one came to its end. */
  markStop(isClean: boolean): void {
    this.#sql.markStop.run({ isClean: isClean ? 1 : 0 });
  }

  #recordBlob({ repository, digest, size, at }: OpOf<"recordBlob">): void {
    this.#sql.storeBlob.run({ digest, size, at, verifiedAt: at, storedAt: at });
    this.#sql.addMember.run(this.#addRepository(repository), this.#blobId(digest));
  }

  /** The grace of an orphan counts from now, whatever its file says. */
  #adoptBlob({ digest, size, at, modifiedAt, manifest }: OpOf<"adoptBlob">): void {
    this.#sql.storeBlob.run({ digest, size, at, verifiedAt: at, storedAt: modifiedAt });
    if (manifest) this.#recordManifest({ op: "recordManifest", repository: undefined, manifest, at: modifiedAt });
  }

  #recordMember({ repository, digest, size, at }: OpOf<"recordMember">): void {
    this.#sql.addMember.run(this.#addRepository(repository), this.#knowBlob(digest, size, at));
  }

  #recordManifest({ repository, manifest, at }: OpOf<"recordManifest">): TagMove[] | undefined {
    const { digest, size, mediaType, kind, edges } = manifest;
    if (repository) this.#recordBlob({ op: "recordBlob", repository, digest, size, at });
    const id = this.#blobId(digest);
    this.#sql.addManifest.run({ id, mediaType, kind, at });
    for (const edge of edges) {
      const child = this.#knowBlob(edge.digest, edge.size, at);
      const { role, platform = null } = edge;
      this.#sql.addEdge.run({ parent: id, child, role, size: edge.size, platform });
    }
    return repository && this.#settlePending(this.#addRepository(repository), digest, id, at);
  }

  #settlePending(repository: number, digest: Digest, manifest: number, at: number): TagMove[] | undefined {
    const waiting = this.#sql.tagsPending.all({ repository, digest, at }) as { name: Tag }[];
    const moves = waiting.map(({ name }) => {
      const key: TagKey = { repository, tag: name };
      const move = this.#noteMove(key, digest, manifest, at);
      this.#sql.settleTag.run({ ...key, manifest, at });
      return move;
    });
    return unlessEmpty(moves);
  }

  #moveTag({ repository, tag, digest, at }: OpOf<"moveTag">): TagMove[] | undefined {
    const manifest = this.#manifestId(digest);
    if (manifest === undefined) throw new WriteError("refused", `no manifest ${digest} is stored for the tag ${tag}`);
    const key: TagKey = { repository: this.#addRepository(repository), tag };
    const move = this.#noteMove(key, digest, manifest, at);
    this.#sql.moveTag.run({ ...key, manifest, at });
    return unlessEmpty([move]);
  }

  #recordPending({ repository, tag, pending, at, holdForMs }: OpOf<"recordPending">): void {
    const key: TagKey = { repository: this.#addRepository(repository), tag };
    const manifest = this.#manifestId(pending.digest);
    if (manifest !== undefined && this.#manifestOfTag(key) === manifest) {
      this.#sql.moveTag.run({ ...key, manifest, at });
    } else {
      this.#sql.pendTag.run({ ...key, ...pending, at, holdForMs });
    }
  }

  #changeTag({ op, repository, tag, ...rest }: OpOf<"confirmTag"> | OpOf<"markTagGone"> | OpOf<"dropTag">): void {
    const key = { repository: this.#repositoryId(repository), tag };
    if (op === "dropTag") this.#sql.endTagPeriod.run(key);
    this.#sql[op].run({ ...rest, ...key });
  }

  #touch({ touches }: OpOf<"touch">): void {
    for (const { digest, at, leasedUntil } of touches) {
      this.#sql.touchBlob.run({ digest, at });
      this.#sql.touchManifest.run({ digest, at, leasedUntil });
    }
  }

  /** A tag that had left moves too, if it comes back with another digest than the last that is known of it. */
  #noteMove(key: TagKey, digest: Digest, manifest: number, at: number): TagMove | undefined {
    if (this.#manifestOfTag(key) === manifest) return undefined;
    const last = this.#sql.lastPeriod.get({ ...key }) as { digest: Digest } | undefined;
    this.#sql.endTagPeriod.run({ ...key });
    this.#sql.beginTagPeriod.run({ ...key, digest, at });
    this.#sql.trimTagHistory.run({ ...key, keep: keptPeriods });
    return last && last.digest !== digest ? { tag: key.tag, from: last.digest, to: digest } : undefined;
  }

  #holdTag({ repository, tag, digest }: OpOf<"holdTag">): void {
    const manifest = digest && this.#manifestId(digest);
    if (digest && manifest === undefined) throw new WriteError("refused", `no manifest ${digest} is stored`);
    this.#sql.holdTag.run({ repository: this.#repositoryId(repository), tag, manifest: manifest ?? null });
  }

  #putPin({ image, origin, platforms }: PinRow): void {
    this.#sql.putPin.run({ image, origin, platforms: platforms?.join(",") ?? null });
  }

  #manifestOfTag(key: TagKey): number | null | undefined {
    return (this.#sql.tag.get({ ...key }) as { manifest: number | null } | undefined)?.manifest;
  }

  #knowBlob(digest: Digest, size: number | undefined, at: number): number {
    this.#sql.knowBlob.run({ digest, size: size ?? null, at });
    return this.#blobId(digest);
  }

  #blobId(digest: Digest): number {
    return (this.#sql.blobId.get(digest) as { id: number }).id;
  }

  #manifestId(digest: Digest): number | undefined {
    return (this.#sql.manifestId.get(digest) as { id: number } | undefined)?.id;
  }

  #addRepository({ upstream, name }: RepositoryKey): number {
    this.#sql.addRepository.run({ upstream, name });
    return (this.#sql.repositoryId.get({ upstream, name }) as { id: number }).id;
  }

  /** Null, which equals no repository in SQL, where it is not known. */
  #repositoryId({ upstream, name }: RepositoryKey): number | null {
    return (this.#sql.repositoryId.get({ upstream, name }) as { id: number } | undefined)?.id ?? null;
  }
}

function unlessEmpty(moves: readonly (TagMove | undefined)[]): TagMove[] | undefined {
  const made = moves.filter((move) => move !== undefined);
  return made.length > 0 ? made : undefined;
}
