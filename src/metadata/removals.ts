import type { Digest, RepositoryName, Tag } from "../oci/index.ts";
import type { Doomed, Evicted } from "./metadata.ts";
import type { WriteOp } from "./protocol.ts";
import type { WriteStatements } from "./write-sql.ts";

/** What has left is remembered for so long. */
const departuresForMs = 30 * 86_400_000;

type Evict = Extract<WriteOp, { op: "evict" }>;

interface NamedRow {
  upstream: string;
  name: RepositoryName;
  tag?: Tag;
}

/** How content leaves the index: victims first, their files afterwards. The caller holds the transaction. */
export class Removals {
  readonly #sql: WriteStatements;

  constructor(sql: WriteStatements) {
    this.#sql = sql;
  }

  /**
   * Drops tags, edges and rows of the victims. What nothing names any more becomes `doomed` where it has a file, and is
   * forgotten where it has none.
   */
  evict({ victims, reason, at }: Evict): Evicted {
    const doomed: Doomed[] = [];
    const left: Evicted["left"] = [];
    for (const digest of victims.manifests) {
      const row = this.#sql.victim.get(digest) as { id: number } | undefined;
      if (!row) continue;
      const image = this.#imageName(row.id, digest);
      const own = this.#dropManifest(row.id);
      doomed.push(...own);
      const bytes = own.reduce((sum, { size }) => sum + size, 0);
      left.push({ digest, image, bytes });
    }
    for (const digest of victims.orphans) {
      const orphan = this.#sql.doomOrphan.get({ digest }) as Doomed | undefined;
      if (!orphan) continue;
      doomed.push(orphan);
      left.push({ digest, image: undefined, bytes: orphan.size });
    }
    for (const { digest, image, bytes } of left) {
      this.#sql.addDeparture.run({ digest, image: image ?? null, reason, bytes, at });
    }
    this.#sql.forgetDepartures.run({ before: at - departuresForMs });
    return { doomed, left };
  }

  /** The files of these digests are gone, as far as they are still doomed. */
  removed(digests: readonly Digest[]): void {
    for (const digest of digests) {
      const row = this.#sql.victim.get(digest) as { id: number; state: string } | undefined;
      if (row?.state !== "doomed") continue;
      this.#sql.knownAgain.run({ id: row.id });
      this.#forgetUnnamed(row.id);
    }
  }

  #dropManifest(id: number): Doomed[] {
    const children = this.#sql.childrenOf.all({ id }) as { child: number; isNeeded: 0 | 1 }[];
    for (const { repository, tag } of this.#sql.tagsOf.all({ id }) as { repository: number; tag: Tag }[]) {
      this.#sql.endTagPeriod.run({ repository, tag });
    }
    this.#sql.releaseTagsOf.run({ id });
    this.#sql.emptyHeldTagsOf.run({ id });
    this.#sql.dropTagsOf.run({ id });
    this.#sql.dropEdgesOf.run({ id });
    this.#sql.dropManifest.run({ id });
    const doomed: Doomed[] = [];
    const own = this.#sql.doomManifest.get({ id }) as Doomed | undefined;
    if (own) doomed.push(own);
    else this.#forgetUnnamed(id);
    for (const { child, isNeeded } of children) {
      const isUnneeded = isNeeded === 1 && this.#sql.unneeded.get({ id: child }) !== undefined;
      const blob = isUnneeded ? (this.#sql.doom.get({ id: child }) as Doomed | undefined) : undefined;
      if (blob) doomed.push(blob);
      else this.#forgetUnnamed(child);
    }
    return doomed;
  }

  /** A row without a file that no edge names says nothing that could not be learnt again. */
  #forgetUnnamed(id: number): void {
    const row = this.#sql.isNamed.pluck().get({ id });
    const state = this.#sql.stateOf.pluck().get({ id });
    if (row !== 0 || state !== "known") return;
    this.#sql.dropMembersOf.run({ id });
    this.#sql.dropBlob.run({ id });
  }

  #imageName(id: number, digest: Digest): string | undefined {
    const tag = this.#sql.tagsOf.get({ id }) as NamedRow | undefined;
    if (tag) return `${tag.upstream}/${tag.name}:${String(tag.tag)}`;
    const repository = this.#sql.repositoriesOf.get({ id }) as NamedRow | undefined;
    return repository && `${repository.upstream}/${repository.name}@${digest}`;
  }
}
