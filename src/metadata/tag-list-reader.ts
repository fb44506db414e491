import type { Database } from "better-sqlite3";
import type { RepositoryName, Tag } from "../oci/index.ts";
import { ReadStatement } from "./read-statement.ts";
import type { RepositoryKey } from "./rows.ts";
import type { ListedTag, TagList, TagPlace } from "./tag-list.ts";
import { tagListSql } from "./tag-list-sql.ts";

type Root = ListedTag["root"];
interface Row extends Omit<Root, "storedAt">, Pick<ListedTag, "tag" | "checkedAt"> {
  upstream: string;
  name: RepositoryName;
  goneSince: number | null;
  storedAt: number | null;
  isHeld: 0 | 1;
}

/** Before and behind every tag: names are of ASCII. */
const first: TagPlace = { upstream: "", name: "", tag: "" };
const last: TagPlace = { upstream: "\u{10ffff}", name: "", tag: "" };

/** The list of tags on the reader's connection, each statement prepared once. */
export class TagListReader implements TagList {
  #sql!: ReturnType<typeof prepareAll>;

  /** Reads from this connection from now on. */
  use(database: Database): void {
    this.#sql = prepareAll(database);
  }

  page({ after, limit, isDescending = false }: Parameters<TagList["page"]>[0]): ListedTag[] {
    const { upstream, name, tag } = after ?? (isDescending ? last : first);
    const { within, behind } = isDescending ? this.#sql.descending : this.#sql.ascending;
    const rows = within.all({ upstream, name, tag, limit });
    if (rows.length < limit) rows.push(...behind.all({ upstream, name, limit: limit - rows.length }));
    return rows.map(listedTag);
  }

  tag({ upstream, name }: RepositoryKey, tag: Tag): ListedTag | undefined {
    const row = this.#sql.tag.get({ upstream, name, tag });
    return row && listedTag(row);
  }

  count(): number {
    return this.#sql.count.get({}) ?? 0;
  }
}

function prepareAll(database: Database) {
  const statement = <P, R>(sql: string): ReadStatement<P, R> => new ReadStatement(database, sql);
  type Within = TagPlace & { limit: number };
  type Behind = Omit<Within, "tag">;
  return {
    ascending: {
      within: statement<Within, Row>(tagListSql.within),
      behind: statement<Behind, Row>(tagListSql.behind),
    },
    descending: {
      within: statement<Within, Row>(tagListSql.withinDescending),
      behind: statement<Behind, Row>(tagListSql.behindDescending),
    },
    tag: statement<TagPlace, Row>(tagListSql.tag),
    count: statement<Record<string, never>, number>(tagListSql.count).pluck(),
  };
}

function listedTag({ upstream, name, tag, checkedAt, goneSince, isHeld, storedAt, ...root }: Row): ListedTag {
  return {
    repository: { upstream, name },
    tag,
    checkedAt,
    goneSince: goneSince ?? undefined,
    isHeld: isHeld === 1,
    root: { ...root, storedAt: storedAt ?? undefined },
  };
}
