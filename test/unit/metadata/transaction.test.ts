import type { Database } from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";
import { openIndex } from "../../../src/metadata/open-index.ts";
import type { NewManifest } from "../../../src/metadata/index.ts";
import type { WriteOp } from "../../../src/metadata/protocol.ts";
import { Transactions } from "../../../src/metadata/transaction.ts";
import { Writes } from "../../../src/metadata/writes.ts";
import { alpine, digestFor, edge } from "./fixtures.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

async function openFixture(): Promise<Database> {
  const database = openIndex(await temporaryDirectory());
  onTestFinished(() => void database.close());
  return database;
}

const blob = (text: string): WriteOp => ({
  op: "recordBlob",
  repository: alpine,
  digest: digestFor(text),
  size: 1,
  at: 1,
});

const large: WriteOp = {
  op: "recordListing",
  repository: alpine,
  kind: "tags",
  key: "",
  body: "x".repeat(1024 * 1024),
  at: 1,
};

/** Writes that throw an error of SQLite with `code` for a listing. */
class FailingWrites extends Writes {
  readonly code: string;

  constructor(database: Database, code: string) {
    super(database);
    this.code = code;
  }

  override apply(op: WriteOp): void {
    if (op.op === "recordListing") throw Object.assign(new Error(this.code), { code: this.code });
    super.apply(op);
  }
}

function countBlobs(database: Database): unknown {
  return database.prepare("SELECT count(*) FROM blob").pluck().get();
}

describe("a transaction", () => {
  test("rejects what does not fit on the disk, and takes writes again when there is room", async () => {
    const database = await openFixture();
    const transactions = new Transactions(database, new Writes(database));
    const pages = database.pragma("page_count", { simple: true }) as number;
    database.pragma(`max_page_count = ${pages + 5}`);
    expect(transactions.run([{ id: 1, op: large }])).toMatchObject([{ id: 1, failure: { kind: "no-space" } }]);
    database.pragma("max_page_count = 1000000");
    const results = transactions.run([
      { id: 2, op: large },
      { id: 3, op: blob("a") },
    ]);
    expect(results).toEqual([{ id: 2 }, { id: 3 }]);
  });

  test("leaves nothing of an operation that failed half way", async () => {
    const database = await openFixture();
    const transactions = new Transactions(database, new Writes(database));
    const manifest = {
      digest: digestFor("m"),
      size: 1,
      mediaType: "t",
      kind: "image",
      edges: [edge("layer", "l", -1)],
    };
    const broken: WriteOp = { op: "recordManifest", repository: alpine, manifest: manifest as NewManifest, at: 1 };
    const queue = [blob("a"), broken, blob("b")].map((op, id) => ({ id, op }));
    expect(transactions.run(queue)).toMatchObject([{ id: 0 }, { id: 1, failure: { kind: "refused" } }, { id: 2 }]);
    expect(database.prepare("SELECT digest FROM blob ORDER BY id").pluck().all()).toEqual([
      digestFor("a"),
      digestFor("b"),
    ]);
  });

  test("takes an I/O error for the failure of all that was in it", async () => {
    const database = await openFixture();
    const transactions = new Transactions(database, new FailingWrites(database, "SQLITE_IOERR_WRITE"));
    const queue = [blob("a"), large, blob("b")].map((op, id) => ({ id, op }));
    expect(transactions.run(queue)).toMatchObject([
      { id: 0, failure: { kind: "io" } },
      { id: 1, failure: { kind: "io" } },
    ]);
    expect(countBlobs(database)).toBe(0);
    expect(transactions.run(queue)).toEqual([{ id: 2 }]);
  });

  test.each(["SQLITE_IOERR_FSYNC", "SQLITE_CORRUPT"])("is the last one after %s", async (code) => {
    const database = await openFixture();
    const transactions = new Transactions(database, new FailingWrites(database, code));
    transactions.run([{ id: 1, op: large }]);
    expect(transactions.run([{ id: 2, op: blob("a") }])).toMatchObject([{ id: 2, failure: { kind: "io" } }]);
    expect(countBlobs(database)).toBe(0);
  });
});
