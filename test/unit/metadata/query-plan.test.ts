import { expect, onTestFinished, test } from "vitest";
import { openIndex } from "../../../src/metadata/open-index.ts";
import { filesSql } from "../../../src/metadata/files-sql.ts";
import { graphSql } from "../../../src/metadata/graph-sql.ts";
import { readSql } from "../../../src/metadata/read-sql.ts";
import { tagListSql } from "../../../src/metadata/tag-list-sql.ts";
import { writeSql } from "../../../src/metadata/write-sql.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** The queues of recursive queries are read from end to end; that is no table. Pins are few, and what is doomed: both are read all at once. */
const allowedScans = /^SCAN (above|below|pin$|blob USING INDEX blob_doomed|CONSTANT ROW|\d+-ROW)/;

const statements = [readSql, graphSql, filesSql, tagListSql, writeSql].flatMap((statementsOf) =>
  Object.entries(statementsOf),
);

async function scansOf(sql: string): Promise<string[]> {
  const database = openIndex(await temporaryDirectory());
  onTestFinished(() => void database.close());
  const names = Array.from(sql.matchAll(/[^:\w]:(\w+)/g), ([, name]) => [name, null]);
  const places = Array.from(sql.matchAll(/\?/g), () => null);
  const parameters: unknown[] = places.length > 0 ? places : [Object.fromEntries(names)];
  const plan = database.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
  return plan.map(({ detail }) => detail).filter((detail) => detail.startsWith("SCAN") && !allowedScans.test(detail));
}

test("a statement that reads a whole table is found", async () => {
  expect(await scansOf("SELECT digest FROM blob WHERE size = :size")).toHaveLength(1);
});

test.each(statements)("%s finds its rows by index", async (_, sql) => {
  expect(await scansOf(sql)).toEqual([]);
});
