import Database from "better-sqlite3";
import fc from "fast-check";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawnGraph, graceMs, RandomGraph } from "./random-graph.ts";
import { documentBytes, World } from "./world.ts";

const wrongRefs = `
  SELECT digest, refs FROM blob
  WHERE refs <> (SELECT count(*) FROM edge WHERE edge.child = blob.id AND edge.role <> 'subject')`;
const recount = `SELECT coalesce(sum(size), 0) FROM blob WHERE state IN ('present', 'doomed')`;

async function onRandomGraphs(check: (graph: RandomGraph) => Promise<void>): Promise<void> {
  const world = await World.open({ graceMs });
  world.begin();
  let run = 0;
  const property = fc.asyncProperty(drawnGraph, async (drawn) => {
    expect(world.storedBytes).toBe(0);
    const graph = await RandomGraph.put(world, drawn, (run += 1));
    try {
      await check(graph);
    } finally {
      await graph.clear();
    }
  });
  await fc.assert(property, { numRuns: 60, interruptAfterTimeLimit: 15_000 });
}

/** Blobs that each manifest names and has, by number. */
function blobsOf(graph: RandomGraph): Map<number, Set<string>> {
  const { world } = graph;
  return new Map(
    [...graph.nodes()].map(([number, { id }]) => {
      const present = world.index.graph.blobs(id).filter(({ state }) => state === "present");
      return [number, new Set(present.map(({ digest }) => world.nameOf(digest)))];
    }),
  );
}

test("an eviction leaves every image that it keeps as whole as it was, and references and totals right", async () => {
  await onRandomGraphs(async (graph) => {
    const { world, drawn } = graph;
    for (const wanted of drawn.wanted) {
      const before = blobsOf(graph);
      await world.evict(wanted);
      for (const [number, blobs] of blobsOf(graph)) expect(blobs).toEqual(before.get(number));
      const database = new Database(join(world.directory, "index.db"), { readonly: true });
      expect(database.prepare(wrongRefs).all()).toEqual([]);
      expect(database.pragma("foreign_key_check")).toEqual([]);
      expect(database.prepare(recount).pluck().get()).toBe(world.storedBytes);
      database.close();
      expect(world.index.files.doomed(1)).toEqual([]);
    }
  });
});

test("an eviction frees what its plan says and what it says itself, and as much as is wanted if there is as much", async () => {
  await onRandomGraphs(async ({ world, drawn }) => {
    for (const wanted of drawn.wanted) {
      const plan = await world.eviction.plan(wanted);
      const before = world.storedBytes;
      world.evictions.splice(0);
      const report = await world.evict(wanted);
      expect(report).toEqual(plan);
      expect(before - world.storedBytes).toBe(report.freedBytes);
      expect(world.evictions.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(report.freedBytes);
      if (report.freedBytes < wanted) expect((await world.eviction.plan(1)).freedBytes).toBe(0);
    }
  });
});

test("a plan tells of each victim what its going sets free: together that is all", async () => {
  await onRandomGraphs(async ({ world, drawn }) => {
    for (const wanted of drawn.wanted) {
      const { victims, freedBytes } = await world.eviction.plan(wanted);
      expect(victims.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(freedBytes);
    }
  });
});

test("no referrer stays without the subject that it had", async () => {
  await onRandomGraphs(async (graph) => {
    const subjectOf = (number: number): number | undefined => {
      const manifest = graph.drawn.manifests[number];
      return manifest?.kind === "image" && manifest.subject !== number ? manifest.subject : undefined;
    };
    for (const wanted of graph.drawn.wanted) {
      const before = graph.nodes();
      await graph.world.evict(wanted);
      const after = graph.nodes();
      for (const number of after.keys()) {
        const subject = subjectOf(number);
        if (subject !== undefined && before.has(subject) && !graph.isPinned(number)) {
          expect(after.has(subject), `manifest ${subject}, the subject of ${number}`).toBe(true);
        }
      }
    }
  });
});

test("no index stays without the images that it had, and no image without the index", async () => {
  await onRandomGraphs(async (graph) => {
    const { graph: reference } = graph.world.index;
    const relations = (): Map<number, { children: number; parents: number }> =>
      new Map(
        [...graph.nodes()].map(([number, { id }]) => [
          number,
          { children: reference.children(id).length, parents: reference.parents(id).length },
        ]),
      );
    for (const wanted of graph.drawn.wanted) {
      const before = relations();
      await graph.world.evict(wanted);
      for (const [number, { children, parents }] of relations()) {
        const had = before.get(number);
        if (had && had.children > 0 && !graph.isPinned(number)) {
          expect(children, `images below ${number}`).toBeGreaterThan(0);
        }
        expect(parents, `indexes above ${number}`).toBe(had?.parents);
      }
    }
  });
});

test("what is pinned or read never goes, and where all is to go no blob stays that no image needs", async () => {
  await onRandomGraphs(async (graph) => {
    const { world, drawn } = graph;
    const pinned = [...graph.nodes().keys()].filter((number) => graph.isPinned(number));
    const isHere = (): boolean[] => graph.held.map((digest) => world.index.blob(digest)?.state === "present");
    const held = isHere();
    for (const wanted of [...drawn.wanted, 1e12]) {
      await world.evict(wanted);
      expect([...graph.nodes().keys()]).toEqual(expect.arrayContaining(pinned));
      expect(isHere()).toEqual(held);
    }
    const nodes = graph.nodes();
    const needed = new Map(
      [...nodes.values()].flatMap(({ id }) => world.index.graph.blobs(id)).map((blob) => [blob.digest, blob]),
    );
    const bytes = [...needed.values()].reduce((sum, { size = 0, state }) => sum + (state === "present" ? size : 0), 0);
    // What is held may belong to no image.
    const alone = graph.held.filter((digest) => !needed.has(digest)).map((digest) => world.index.blob(digest));
    const aloneBytes = alone.reduce((sum, blob) => sum + (blob?.state === "present" ? (blob.size ?? 0) : 0), 0);
    expect(world.storedBytes).toBe(bytes + aloneBytes + nodes.size * documentBytes);
  });
});
