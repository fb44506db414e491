import { isReleased, missingOf, neededBy, type PinPlan, type Protected } from "./pins.ts";
import { isHere, type Snapshot } from "./snapshot.ts";

/** What the instance says of its store. */
export interface StoreMetrics {
  storeBytes: number;
  maxBytes: number;
  reservedBytes: number;
  isPassthrough: boolean;
  /** Times that the index refused a write. */
  refusedWrites: number;
}

/** Files that were spoilt on purpose and that nobody has noticed yet. */
export type Tampered = ReadonlyMap<string, "flipped" | "gone">;

/** What must be so whenever nothing goes on, in words where it is not. */
export function settledFaults(snapshot: Snapshot, metrics: StoreMetrics, tampered: Tampered): string[] {
  const onDisk = [...snapshot.blobs.values()].filter(({ state }) => state === "present" || state === "doomed");
  const indexed = onDisk.reduce((sum, { size }) => sum + (size ?? 0), 0);
  const faults: string[] = [];
  const expect = (isSo: boolean, words: string): void => {
    if (!isSo) faults.push(words);
  };
  expect(metrics.storeBytes === indexed, `entrepot_store_bytes is ${metrics.storeBytes}, the rows make ${indexed}`);
  expect(indexed <= metrics.maxBytes, `${indexed} bytes are stored, ${metrics.maxBytes} are allowed`);
  expect(metrics.reservedBytes === 0, `${metrics.reservedBytes} bytes stay reserved`);
  expect(!metrics.isPassthrough, "the store is set aside");
  expect(metrics.refusedWrites === 0, `the index has refused ${metrics.refusedWrites} writes`);
  for (const name of snapshot.staging) faults.push(`ingest/${name} is left behind`);
  for (const digest of snapshot.miscounted) faults.push(`${digest}: refs is not the number of its edges`);
  for (const { digest, state, size } of onDisk) {
    const found = snapshot.files.get(digest);
    expect(state === "present", `${digest} stays doomed`);
    expect(
      found === size || tampered.get(digest) === "gone",
      `${digest}: ${String(size)} bytes, on disk ${String(found)}`,
    );
  }
  for (const digest of snapshot.files.keys()) {
    expect(
      onDisk.some((blob) => blob.digest === digest),
      `${digest}: a file without a row`,
    );
  }
  return faults;
}

export interface Change {
  before: Snapshot;
  after: Snapshot;
  tampered: Tampered;
  pins: ReadonlyMap<string, PinPlan>;
  protectedBefore: readonly Protected[];
  /** Whether nothing was asked for in between but to go on: then nothing may have changed. */
  isStandstill: boolean;
  /** Whether blobs may have come without a manifest that names them. */
  mayOrphan: boolean;
}

/** What must not have happened in one step, in words where it has. */
export function changeFaults(change: Change): string[] {
  return [...keptFaults(change), ...orphanFaults(change), ...pinFaults(change), ...standstillFaults(change)];
}

/** A manifest that stays keeps what it had; an index goes with the last of its images. */
function keptFaults({ before, after, tampered, pins }: Change): string[] {
  const faults: string[] = [];
  for (const { digest, isHere: isStill, blobs, children } of after.manifests.values()) {
    const earlier = before.manifests.get(digest);
    const hasLeft = before.departures.get(digest) !== after.departures.get(digest);
    if (!isStill || !earlier?.isHere || hasLeft) continue;
    for (const blob of blobs) {
      const isLost = isHere(before, blob) && !isHere(after, blob) && !tampered.has(blob);
      if (isLost) faults.push(`${digest} is kept, and has lost ${blob}`);
    }
    const had = children.some((child) => before.manifests.has(child.digest));
    const has = children.some((child) => after.manifests.has(child.digest));
    if (had && !has && pins.size === 0) faults.push(`the index ${digest} has outlived the last of its images`);
  }
  return faults;
}

function orphanFaults({ before, after, mayOrphan }: Change): string[] {
  if (mayOrphan) return [];
  return [...after.blobs.values()]
    .filter(({ digest, state, refs, isManifest }) => {
      const wasOrphan = isHere(before, digest) && before.blobs.get(digest)?.refs === 0;
      return state === "present" && refs === 0 && !isManifest && !wasOrphan;
    })
    .map(({ digest }) => `${digest} is here, and nothing names it`);
}

function pinFaults({ before, after, tampered, pins, protectedBefore }: Change): string[] {
  return protectedBefore.flatMap((entry) => {
    const isSpoilt = neededBy(entry, before).some((digest) => tampered.has(digest));
    const missing = missingOf(entry, before, after);
    if (isSpoilt || missing.length === 0 || isReleased(entry, pins, after)) return [];
    return [`${entry.image} is held by ${entry.by}, and misses ${missing.join(", ")}`];
  });
}

function standstillFaults({ before, after, tampered, isStandstill }: Change): string[] {
  if (!isStandstill) return [];
  const lost = [...before.blobs.keys()].filter((digest) => isHere(before, digest) && !isHere(after, digest));
  const moved = [...before.tags].filter(([name, { manifest, held }]) => {
    const now = after.tags.get(name);
    return now?.manifest !== manifest || now?.held !== held;
  });
  return [
    ...lost.filter((digest) => !tampered.has(digest)).map((digest) => `${digest} was here before the restart`),
    ...moved.map(([name]) => `${name} named something else before the restart`),
  ];
}
