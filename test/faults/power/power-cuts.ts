import { join } from "node:path";
import { createRandom, type Random } from "../../support/random.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { checkDataDirectory } from "../checker/data-directory.ts";
import { judgeAll, pullAll, setReachable } from "../support/aftermath.ts";
import { Ext4Disk } from "../support/disks.ts";
import { dataDirectoryIn, EntrepotProcess, type ProcessOptions } from "../support/entrepot-process.ts";
import { publishImages } from "../support/images.ts";
import { blobPathsOf, tagPath, type PublishedTag } from "../support/published.ts";
import { Puller, type Hit } from "../support/puller.ts";
import type { Scratch } from "../support/scratch.ts";
import { pullUntilEnded } from "./load.ts";
import { anyMoment, duringStart, type Moment } from "./moments.ts";

/** So many cuts go by on one file system, each instance going on with what the cut before has left. */
const cutsPerDisk = 10;
const diskMiB = 256;

/** Of what earlier cuts have met, so many images are looked at again. */
const olderImages = 6;

export interface CutsOptions {
  scratch: Scratch;
  cuts: number;
  seed: number;
  main?: string | undefined;
  /** `storage.maxSize`, where content is to be evicted all the time: then a hit need not be one behind the cut. */
  maxSize?: string;
  /** When; at random by default. */
  moment?: Moment;
  /** Ends at the first cut after which something is wrong. */
  endsAtFirst?: boolean;
}

export interface CutsReport {
  cuts: number;
  /** Answers that were hits before a cut. */
  hits: number;
  /** In words, with the number of the cut. */
  violations: string[];
}

/** Cuts the power again and again while clients pull, and looks each time whether the next start finds all it promised. */
export async function cutPower(options: CutsOptions): Promise<CutsReport> {
  const upstream = await startUpstream();
  const life = new Life(options, upstream);
  const report: CutsReport = { cuts: 0, hits: 0, violations: [] };
  const note = (violations: readonly string[]): void => {
    report.violations.push(...violations.map((words) => `cut ${report.cuts}: ${words}`));
  };
  try {
    while (report.cuts < options.cuts) {
      report.cuts += 1;
      if (report.cuts % cutsPerDisk === 1) {
        note(await life.end());
        await life.begin();
      }
      const { hits, violations } = await life.cut(report.cuts);
      report.hits += hits;
      note(violations);
      if (options.endsAtFirst && report.violations.length > 0) break;
    }
    note(await life.end());
    return report;
  } finally {
    await upstream.close();
  }
}

/** From an empty file system through several cuts to a clean stop. */
class Life {
  readonly #disk: Ext4Disk;
  readonly #directory: string;
  readonly #main: string | undefined;
  readonly #upstream: TestUpstream;
  readonly #random: Random;
  readonly #moment: Moment | undefined;
  readonly #maxSize: string | undefined;
  #instance: EntrepotProcess | undefined;
  #published: PublishedTag[] = [];
  #hits: Hit[] = [];

  constructor({ scratch, seed, main, moment, maxSize }: CutsOptions, upstream: TestUpstream) {
    this.#disk = new Ext4Disk(scratch, diskMiB);
    this.#directory = join(this.#disk.point, "entrepot");
    this.#main = main;
    this.#upstream = upstream;
    this.#random = createRandom(seed);
    this.#moment = moment;
    this.#maxSize = maxSize;
  }

  async begin(): Promise<void> {
    await this.#disk.format();
    this.#published = [];
    this.#hits = [];
  }

  async cut(number: number): Promise<{ hits: number; violations: string[] }> {
    const published = publishImages(this.#upstream, `cut-${number}`, this.#random);
    const { hits, wrong } = await this.#loadAndCut(published);
    const older =
      this.#published.length === 0 ? [] : Array.from({ length: olderImages }, () => this.#random.pick(this.#published));
    this.#published.push(...published);
    if (this.#maxSize === undefined) this.#hits.push(...hits);
    const violations = [...wrong, ...checkDataDirectory(this.#data, { after: "crash" })];
    setReachable(this.#upstream, false);
    try {
      this.#instance = await EntrepotProcess.start(this.#options);
      violations.push(...(await judgeAll(this.#instance, [...published, ...older], this.#hits)));
    } finally {
      setReachable(this.#upstream, true);
    }
    return { hits: hits.length, violations };
  }

  /** Everything can be pulled, the instance stops cleanly, and nothing unfinished is left. */
  async end(): Promise<string[]> {
    const instance = this.#instance;
    if (!instance) return [];
    this.#instance = undefined;
    const missing = await pullAll(instance, this.#published.slice(-12));
    await instance.stop();
    return [...missing, ...checkDataDirectory(this.#data, { after: "stop" })];
  }

  get #data(): string {
    return dataDirectoryIn(this.#directory);
  }

  get #options(): ProcessOptions {
    const settings = this.#maxSize === undefined ? {} : { storage: { maxSize: this.#maxSize, minFree: "1MiB" } };
    return { directory: this.#directory, main: this.#main, upstreamUrl: this.#upstream.url, settings };
  }

  async #loadAndCut(published: readonly PublishedTag[]): Promise<{ hits: Hit[]; wrong: string[] }> {
    const moment = this.#instance ? (this.#moment ?? anyMoment(this.#random)) : duringStart;
    const instance = (this.#instance ??= await EntrepotProcess.launch(this.#options));
    const puller = new Puller((path, ask) => instance.ask(path, ask));
    const resting = new AbortController();
    const [untouched, ...pulled] = published;
    const load = { puller, upstream: this.#upstream, published: pulled, random: this.#random };
    const ended = pullUntilEnded(instance, load, resting.signal);
    const rest = (): Promise<void> => {
      resting.abort();
      return ended;
    };
    await moment({ puller, random: this.#random, untouched: untouched ? pathsOf(untouched) : [], rest, ended });
    // What is answered behind the cut would have been heard by nobody: there is no power any more.
    const hits = [...puller.hits];
    await this.#disk.cut();
    resting.abort();
    await instance.kill();
    await ended;
    this.#instance = undefined;
    await this.#disk.unmount();
    this.#disk.mount();
    return { hits, wrong: puller.wrong };
  }
}

function pathsOf({ repository, versions }: PublishedTag): string[] {
  const manifests = versions.map(({ digest }) => tagPath({ repository, tag: digest }));
  return [...manifests, ...versions.flatMap((image) => blobPathsOf(repository, image))];
}
