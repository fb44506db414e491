import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { blobPath, shelves } from "../../../src/blobstore/index.ts";
import { digestOf, type Digest } from "../../../src/oci/index.ts";
import type { Finding } from "../finding.ts";
import type { StoredImage } from "./catalog.ts";
import type { Figure } from "./figures.ts";
import { Hits } from "./hits.ts";
import { observe, type Observed } from "./observe.ts";
import type { PreparedStore } from "./prepared-store.ts";
import { WatchedInstance } from "./watched-instance.ts";

/** What takes long is cut off after so long. */
const jobForMs = 20_000;
const idleForMs = 10_000;
const busyClients = 16;
const evictedShare = 0.05;
/** So many files are taken away, and so many put there, behind the back of the index. */
const tampered = 200;

export interface Outcome {
  figures: Figure[];
  findings: Finding[];
}

interface Stage extends Outcome {
  store: PreparedStore;
  images: readonly StoredImage[];
  /** Those that were started, to be ended whatever happens. */
  instances: WatchedInstance[];
}

interface Stats {
  store: { bytes: number; blobs: number };
}
interface JobState {
  state: string;
  progress: { blobs: number };
  result: { findings?: unknown[] } | null;
}

/**
 * The longest pauses of the event loop while the store is looked after, with clients that pull stored images all the time:
 * at a start, with nothing else, many clients at once (whose access times are written, so that the log is copied into
 * the index again and again), a verification, a backup, the eviction of a twentieth, the start behind a `kill -9`, and the scrub.
 */
export async function measurePauses(store: PreparedStore, images: readonly StoredImage[]): Promise<Outcome> {
  const stage: Stage = { store, images, figures: [], findings: [], instances: [] };
  try {
    await servingLife(stage);
    await scrubbingLife(stage);
  } finally {
    for (const instance of stage.instances) await instance.kill();
  }
  return stage;
}

async function servingLife(stage: Stage): Promise<void> {
  const { figures, store } = stage;
  const instance = await WatchedInstance.start({ dataDir: store.directory });
  stage.instances.push(instance);
  const observed = { instance, hits: fewClients(stage, instance) };
  figures.push(...(await observe("start after a clean stop", observed, () => reconciled(instance))));
  figures.push(...(await observe("hits alone", observed, () => sleep(idleForMs))));
  await observed.hits.stop();
  noteHits(stage, observed.hits, "one hit after another");
  const many = new Hits({ url: instance.url, images: stage.images, clients: busyClients, pauseMs: 0 });
  figures.push(...(await observe("checkpoints", { instance, hits: many }, () => sleep(jobForMs))));
  await many.stop();
  noteHits(stage, many, "hits of many clients");
  const during = { instance, hits: fewClients(stage, instance) };
  await verifying(stage, during);
  await backingUp(stage, during);
  await evicting(stage, during);
  await during.hits.stop();
  noteHits(stage, during.hits, "hits during verification, backup and eviction");
  const { nowMiB, peakMiB } = await instance.memory();
  figures.push({ name: "resident memory after all this", unit: "MiB", value: nowMiB });
  figures.push({ name: "resident memory at most", unit: "MiB", value: peakMiB });
  await instance.kill();
}

async function scrubbingLife(stage: Stage): Promise<void> {
  const { figures, findings, store } = stage;
  const gone = tamper(stage);
  const instance = await WatchedInstance.start({ dataDir: store.directory, scrubEvery: "1s" });
  stage.instances.push(instance);
  const observed = { instance, hits: fewClients(stage, instance) };
  figures.push(...(await observe("start after kill -9", observed, () => reconciled(instance))));
  const { blobs } = (await instance.admin<Stats>("GET", "/stats")).store;
  const adopted = await instance.metric("entrepot_adopted_blobs_total");
  const files = await fileCount(store.directory);
  findings.push({
    promise: `after a kill -9, with ${tampered} files gone and ${tampered} strange ones, index and files agree again`,
    holds: files === blobs && adopted === tampered && gone.every((path) => !existsSync(path)),
    figure: `${blobs} rows, ${files} files, ${adopted} adopted`,
  });
  const before = await instance.metric("entrepot_scrubbed_bytes_total");
  const scrubbing = await observe("scrub", observed, () => sleep(jobForMs));
  const scrubbed = (await instance.metric("entrepot_scrubbed_bytes_total")) - before;
  figures.push(...scrubbing, { name: "scrub: read", unit: "MiB", value: scrubbed / 1024 ** 2 });
  await observed.hits.stop();
  noteHits(stage, observed.hits, "hits during the start behind a kill -9 and the scrub");
  await instance.stop();
}

async function verifying({ figures, findings }: Stage, observed: Observed): Promise<void> {
  const { instance } = observed;
  const { id } = await instance.admin<{ id: string }>("POST", "/verify", {});
  figures.push(...(await observe("verification", observed, () => whileRunning(instance, id, jobForMs))));
  const { state, progress, result } = await endJob(instance, id);
  figures.push({ name: "verification: files", unit: "", value: progress.blobs });
  findings.push({
    promise: "a verification finds nothing wrong",
    holds: progress.blobs > 0 && (result?.findings?.length ?? 0) === 0,
    figure: `${progress.blobs} files, ${state}`,
  });
}

async function backingUp({ figures, findings }: Stage, observed: Observed): Promise<void> {
  const { instance } = observed;
  const target = await mkdtemp(join(tmpdir(), "entrepot-bench-backup-"));
  const { id } = await instance.admin<{ id: string }>("POST", "/backup", { directory: target });
  figures.push(...(await observe("index copy and backup", observed, () => whileRunning(instance, id, jobForMs))));
  const { state, progress } = await endJob(instance, id);
  const index = await stat(join(target, "index.db")).catch(() => undefined);
  findings.push({
    promise: "a backup has a copy of the index and files",
    holds: index !== undefined && progress.blobs > 0,
    figure: `${progress.blobs} files, ${state}`,
  });
  await rm(target, { recursive: true });
}

async function evicting({ figures, findings, store }: Stage, observed: Observed): Promise<void> {
  const { instance } = observed;
  const before = await instance.admin<Stats>("GET", "/stats");
  const freeBytes = Math.round(before.store.bytes * evictedShare);
  const answers: { freedBytes: number; victims: { digest: Digest }[] }[] = [];
  const evict = async (): Promise<void> => {
    answers.push(await instance.admin("POST", "/evict", { freeBytes }));
  };
  figures.push(...(await observe("eviction of 5 %", observed, evict)));
  const [{ freedBytes, victims } = { freedBytes: 0, victims: [] }] = answers;
  const after = await instance.admin<Stats>("GET", "/stats");
  const files = await fileCount(store.directory);
  const left = victims.filter(({ digest }) => existsSync(blobPath(store.directory, digest)));
  figures.push({ name: "eviction of 5 %: images", unit: "", value: victims.length });
  figures.push({ name: "eviction of 5 %: files", unit: "", value: before.store.blobs - after.store.blobs });
  findings.push({
    promise: "the eviction of 5 % has freed what was asked for, and the index, the files and the report agree",
    holds:
      freedBytes >= freeBytes &&
      before.store.bytes - after.store.bytes === freedBytes &&
      files === after.store.blobs &&
      left.length === 0,
    figure: `${freedBytes} of ${freeBytes} bytes, ${victims.length} victims, ${files} files left`,
  });
}

function fewClients({ images }: Stage, { url }: WatchedInstance): Hits {
  return new Hits({ url, images, clients: 4, pauseMs: 10 });
}

function noteHits({ findings }: Stage, { count, wrong }: Hits, what: string): void {
  findings.push({
    promise: `${what}: all are hits with the right bytes`,
    holds: count > 0 && wrong.length === 0,
    figure: `${count - wrong.length} of ${count}${wrong.length === 0 ? "" : `, for instance ${String(wrong[0])}`}`,
  });
}

async function reconciled(instance: WatchedInstance): Promise<void> {
  while ((await instance.metric("entrepot_reconcile_ratio")) < 1) await sleep(500);
}

async function whileRunning(instance: WatchedInstance, id: string, mostMs: number): Promise<void> {
  const until = performance.now() + mostMs;
  while (performance.now() < until) {
    if ((await instance.admin<JobState>("GET", `/jobs/${id}`)).state !== "running") return;
    await sleep(100);
  }
}

async function endJob(instance: WatchedInstance, id: string): Promise<JobState> {
  await instance.admin("DELETE", `/jobs/${id}`);
  await whileRunning(instance, id, 60_000);
  return instance.admin<JobState>("GET", `/jobs/${id}`);
}

/** Takes files away that no client here asks for, and puts others there. Returns the paths of those that are gone. */
function tamper({ store: { directory }, images }: Stage): string[] {
  const kept = new Set(images.flatMap(({ manifest, blobs }) => [manifest, ...blobs]).map((digest) => digest.slice(7)));
  const gone: string[] = [];
  for (const { algorithm, prefix } of shelves) {
    if (gone.length >= tampered) break;
    const place = join(directory, "blobs", algorithm, prefix);
    const name = readdirSync(place).find((other) => !kept.has(other));
    if (name === undefined) continue;
    rmSync(join(place, name));
    gone.push(join(place, name));
  }
  for (let made = 0; made < tampered; made += 1) {
    const bytes = Buffer.from(`nothing that any image needs: ${made}`);
    writeFileSync(blobPath(directory, digestOf(bytes)), bytes, { flag: "wx", mode: 0o444 });
  }
  return gone;
}

async function fileCount(directory: string): Promise<number> {
  let count = 0;
  for (const { algorithm, prefix } of shelves) {
    count += (await readdir(join(directory, "blobs", algorithm, prefix))).length;
  }
  return count;
}
