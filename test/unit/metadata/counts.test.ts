import Database from "better-sqlite3";
import fc from "fast-check";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ManifestEdge } from "../../../src/oci/index.ts";
import { alpine, digestFor, edge, openFixture, other, recordManifest } from "./fixtures.ts";

const roles = fc.constantFrom<ManifestEdge["role"]>("config", "layer", "child", "subject");
const step = fc.oneof(
  fc.record({
    kind: fc.constant("manifest" as const),
    text: fc.integer({ min: 0, max: 5 }).map((number) => `manifest ${number}`),
    repository: fc.constantFrom(alpine, other),
  }),
  fc.record({ kind: fc.constant("forget" as const), text: fc.constantFrom("blob 1", "manifest 1", "manifest 2") }),
  fc.record({
    kind: fc.constant("blob" as const),
    text: fc.integer({ min: 0, max: 9 }).map((number) => `blob ${number}`),
  }),
);
/** What each manifest names: fixed for a run, since the same digest is the same bytes. */
const contents = fc.array(
  fc.array(
    fc.tuple(
      roles,
      fc.integer({ min: 0, max: 9 }).map((number) => `blob ${number}`),
    ),
    { maxLength: 8 },
  ),
  { minLength: 6, maxLength: 6 },
);

test("references and totals equal a recount after any sequence of writes", async () => {
  await fc.assert(
    fc.asyncProperty(contents, fc.array(step, { maxLength: 25 }), async (named, steps) => {
      const { metadata, directory } = await openFixture();
      const writes = steps.map((next) => {
        if (next.kind === "forget") return metadata.forgetFile(digestFor(next.text));
        if (next.kind === "blob") return metadata.recordBlob(alpine, digestFor(next.text), 3);
        const edges = (named[Number(next.text.slice(-1))] ?? []).map(([role, text]) => edge(role, text));
        return recordManifest(metadata, next.repository, { text: next.text, edges });
      });
      await Promise.all(writes);
      const database = new Database(join(directory, "index.db"), { readonly: true });
      expect(database.prepare(wrongRefs).all()).toEqual([]);
      expect(metadata.counts()).toEqual(database.prepare(recount).get());
      database.close();
      await metadata.close();
    }),
    { numRuns: 15 },
  );
});

const wrongRefs = `
  SELECT digest, refs FROM blob
  WHERE refs <> (SELECT count(*) FROM edge WHERE edge.child = blob.id AND edge.role <> 'subject')`;

const recount = `
  SELECT (SELECT count(*) FROM blob WHERE state = 'present') AS blobs,
    (SELECT coalesce(sum(size), 0) FROM blob WHERE state = 'present') AS storedBytes,
    (SELECT count(*) FROM manifest) AS manifests, (SELECT count(*) FROM tag) AS tags,
    (SELECT count(*) FROM repository) AS repositories`;
