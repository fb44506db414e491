import Database from "better-sqlite3";
import fc from "fast-check";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Metadata } from "../../../src/metadata/index.ts";
import type { Digest, ManifestEdge, Tag } from "../../../src/oci/index.ts";
import { alpine, digestFor, edge, openFixture, other, recordManifest } from "./fixtures.ts";

const roles = fc.constantFrom<ManifestEdge["role"]>("config", "layer", "child", "subject");
const blobs = Array.from({ length: 10 }, (_, number) => `blob ${number}`);
const manifests = Array.from({ length: 6 }, (_, number) => `manifest ${number}`);
const blob = fc.constantFrom(...blobs);
const manifest = fc.constantFrom(...manifests);
const either = fc.oneof(blob, manifest);
const repository = fc.constantFrom(alpine, other);

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("manifest" as const), text: manifest, repository }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("blob" as const), text: blob }) },
  fc.record({ kind: fc.constant("tag" as const), text: manifest, repository }),
  fc.record({ kind: fc.constant("hold" as const), text: fc.option(manifest, { nil: undefined }), repository }),
  fc.record({ kind: fc.constantFrom("forget" as const, "removed" as const, "revive" as const), text: either }),
  fc.record({ kind: fc.constant("adopt" as const), text: blob }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("evict" as const),
      manifests: fc.uniqueArray(manifest, { maxLength: 3 }),
      orphans: fc.uniqueArray(blob, { maxLength: 3 }),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What each manifest names: fixed for a run, since the same digest is the same bytes. */
const contents = fc.array(fc.array(fc.tuple(roles, either), { maxLength: 8 }), { minLength: 6, maxLength: 6 });
type Contents = typeof contents extends fc.Arbitrary<infer C> ? C : never;

/** One index for all runs: what it holds must agree after each of them, and the digests of each run are its own. */
class Run {
  readonly #metadata: Metadata;
  readonly #named: Contents;
  readonly #number: number;

  constructor(metadata: Metadata, named: Contents, number: number) {
    this.#metadata = metadata;
    this.#named = named;
    this.#number = number;
  }

  apply(next: Step): Promise<unknown> {
    const metadata = this.#metadata;
    const latest = `latest-${this.#number}` as Tag;
    switch (next.kind) {
      case "manifest":
        return recordManifest(metadata, next.repository, { text: this.#own(next.text), edges: this.#edges(next.text) });
      case "blob":
        return metadata.recordBlob(alpine, this.#digest(next.text), 3);
      case "tag":
        return metadata.moveTag(next.repository, latest, this.#digest(next.text), 1000);
      case "hold":
        return metadata.holdTag(next.repository, latest, next.text === undefined ? undefined : this.#digest(next.text));
      case "forget":
        return metadata.forgetFile(this.#digest(next.text));
      case "removed":
        return metadata.recordRemoved([this.#digest(next.text)]);
      case "revive":
        return metadata.revive(this.#digest(next.text));
      case "adopt":
        return metadata.adoptBlob(this.#digest(next.text), 3, 500);
      case "evict": {
        const [manifests, orphans] = [next.manifests, next.orphans].map((texts) =>
          texts.map((text) => this.#digest(text)),
        );
        return metadata.evict({ manifests: manifests ?? [], orphans: orphans ?? [] }, "budget");
      }
    }
  }

  /** A manifest cannot name itself. */
  #edges(manifest: string): ManifestEdge[] {
    const named = (this.#named[manifests.indexOf(manifest)] ?? []).filter(([, text]) => text !== manifest);
    return named.map(([role, text]) => edge(role, this.#own(text)));
  }

  #digest(text: string): Digest {
    return digestFor(this.#own(text));
  }

  #own(text: string): string {
    return `${text} of run ${this.#number}`;
  }
}

test("references and totals equal a recount after any sequence of writes", async () => {
  const { metadata, directory } = await openFixture();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(contents, fc.array(step, { maxLength: 40 }), async (named, steps) => {
      const run = new Run(metadata, named, (runs += 1));
      // A tag cannot name what is not stored; nothing else is refused.
      const refusable = (next: Step): boolean => next.kind === "tag" || next.kind === "hold";
      await Promise.all(
        steps.map((next) => (refusable(next) ? run.apply(next).catch(() => undefined) : run.apply(next))),
      );
      const database = new Database(join(directory, "index.db"), { readonly: true });
      expect(database.prepare(wrongRefs).all()).toEqual([]);
      expect(database.prepare(wrongMarks).all()).toEqual([]);
      expect(database.pragma("foreign_key_check")).toEqual([]);
      expect(metadata.counts()).toEqual(database.prepare(recount).get());
      database.close();
    }),
    { numRuns: 100, interruptAfterTimeLimit: 15_000 },
  );
});

const wrongRefs = `
  SELECT digest, refs FROM blob
  WHERE refs <> (SELECT count(*) FROM edge WHERE edge.child = blob.id AND edge.role <> 'subject')`;

const wrongMarks = `
  SELECT digest, is_manifest FROM blob
  WHERE is_manifest <> EXISTS (SELECT 1 FROM manifest WHERE manifest.id = blob.id)
  UNION ALL
  SELECT 'member', is_manifest FROM member
  WHERE is_manifest <> EXISTS (SELECT 1 FROM manifest WHERE manifest.id = member.blob)`;

const recount = `
  SELECT (SELECT count(*) FROM blob WHERE state IN ('present', 'doomed')) AS blobs,
    (SELECT coalesce(sum(size), 0) FROM blob WHERE state IN ('present', 'doomed')) AS storedBytes,
    (SELECT count(*) FROM manifest) AS manifests, (SELECT count(*) FROM tag) AS tags,
    (SELECT count(*) FROM repository) AS repositories`;
