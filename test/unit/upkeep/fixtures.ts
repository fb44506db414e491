import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { onTestFinished } from "vitest";
import { blobPath, openBlobStore, type BlobStore } from "../../../src/blobstore/index.ts";
import { lockDataDirectory, openMetadata, type Metadata } from "../../../src/metadata/index.ts";
import { digestOf, type Digest } from "../../../src/oci/index.ts";
import { createUpkeep, type Upkeep, type UpkeepObserver, type UpkeepOptions } from "../../../src/upkeep/index.ts";
import { Hasher } from "../../../src/upkeep/hasher.ts";
import type { UpkeepParts } from "../../../src/upkeep/parts.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { alpine } from "../metadata/fixtures.ts";
import { temporaryDirectory } from "../metadata/temporary-directory.ts";

export const mebibyte = 1024 * 1024;
export const day = 86_400_000;

/** What upkeep has told, in order. */
class Told implements UpkeepObserver {
  readonly events: string[] = [];
  readonly failures: unknown[] = [];
  readonly lost: Digest[] = [];
  scrubbedBytes = 0;

  scrubbed(bytes: number): void {
    this.scrubbedBytes += bytes;
  }

  adopted(digest: Digest): void {
    this.events.push(`adopted ${digest}`);
  }

  quarantined(what: string): void {
    this.events.push(`quarantined ${what}`);
  }

  corrupt(digest: Digest): void {
    this.events.push(`corrupt ${digest}`);
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }
}

export interface World {
  directory: string;
  store: BlobStore;
  index: Metadata;
  clock: ManualClock;
  told: Told;
  options: UpkeepOptions;
  /** Made with its first use, and closed when the test is over. */
  upkeep: Upkeep;
}

/** A data directory with a real store and a real index. */
export async function openWorld(overrides: Partial<UpkeepOptions> = {}): Promise<World> {
  const directory = await temporaryDirectory();
  const lock = lockDataDirectory(directory);
  const clock = new ManualClock();
  const store = await openBlobStore({ directory, bootId: "boot" });
  const index = await openMetadata({ directory, now: () => clock.now() });
  const told = new Told();
  const options: UpkeepOptions = {
    directory,
    store,
    index,
    scrub: { everyMs: 30 * day, rateBytesPerSecond: 1e12 },
    now: () => clock.now(),
    setTimer: (ms, action) => clock.setTimer(ms, action),
    observer: told,
    onLost: (digest) => told.lost.push(digest),
    ...overrides,
  };
  const upkeep = createUpkeep(options);
  onTestFinished(async () => {
    await upkeep.close();
    await index.close();
    await store.close();
    lock.release();
  });
  return { directory, store, index, clock, told, options, upkeep };
}

/** What the pieces of upkeep work with, for tests that take one of them alone. */
export function partsOf({ options, directory }: World): UpkeepParts & { hasher: Hasher } {
  const closing = new AbortController();
  const hasher = new Hasher(directory);
  onTestFinished(async () => {
    closing.abort();
    await hasher.close();
  });
  return { ...options, hasher, closing: closing.signal };
}

/** A file without a row. */
export async function putFile({ store }: World, bytes: Buffer, algorithm?: "sha512"): Promise<Digest> {
  const digest = digestOf(bytes, algorithm);
  const staging = await store.stage();
  await staging.append(bytes);
  await store.exclusively(digest, () => staging.commit(digest));
  await staging.close();
  return digest;
}

/** A file with its row, as a fill leaves it. */
export async function putBlob(world: World, bytes: Buffer): Promise<Digest> {
  const digest = await putFile(world, bytes);
  await world.index.recordBlob(alpine, digest, bytes.length);
  return digest;
}

/** Other bytes in the place of a digest. */
export async function writeInPlace({ directory }: World, digest: Digest, bytes: Buffer): Promise<string> {
  const path = blobPath(directory, digest);
  await mkdir(dirname(path), { recursive: true });
  await chmod(path, 0o644).catch(() => undefined);
  await writeFile(path, bytes);
  return path;
}

export async function flipByte(world: World, digest: Digest): Promise<void> {
  const bytes = await readFile(blobPath(world.directory, digest));
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeInPlace(world, digest, bytes);
}

export function stateOf({ index }: World, digest: Digest): string | undefined {
  return index.blob(digest)?.state;
}

/** Resolves when `check` passes: for what goes on in the background with no event to wait for. */
export function soon(check: () => void): Promise<void> {
  return eventually(() => Promise.resolve().then(check), 10_000);
}

/** Lets the event loop turn so often. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
