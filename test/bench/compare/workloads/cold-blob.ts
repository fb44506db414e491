import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { blobPath } from "../../../../src/blobstore/index.ts";
import type { Digest } from "../../../../src/oci/index.ts";
import { until } from "../../../clients/child-processes.ts";
import { seededBlob } from "../../../upstream/index.ts";
import { dataDirectory, startEntrepot } from "../entrants/entrepot.ts";
import { pullToFile } from "../load/curl.ts";
import { LoadProcess } from "../load/load-process.ts";
import { extra, medianOf, ratioOf } from "../results.ts";
import { openOnStage, type Server, type Stage } from "../stage.ts";
import { watchUsage } from "../usage.ts";
import type { Measurement, Opening, OpenWorkload, Workload } from "../workload.ts";

const repository = "library/cold";
const direct = "straight to a file, with fsync";
const firstByte = "first byte after the origin's ms";
const stored = "stored after s";
const gigabitPerSecond = 1e9 / 8;

interface ColdOptions {
  /** So many times the megabytes per second of fetching straight to a file. */
  atLeast: number;
  /** Of the origin; undefined: as fast as it can. */
  bytesPerSecond?: number;
}

export const coldBlobWorkloads: readonly Workload[] = [
  coldBlob("cold-1g-limited", "cold blob of 1 GB, one client, origin at 1 Gbit/s", {
    bytesPerSecond: gigabitPerSecond,
    atLeast: 0.95,
  }),
  coldBlob("cold-1g", "cold blob of 1 GB, one client, origin as fast as it can", { atLeast: 0.6 }),
];

function coldBlob(name: string, title: string, { bytesPerSecond, atLeast }: ColdOptions): Workload {
  return {
    name,
    title,
    group: "cold blob",
    unit: "MB/s",
    goals: [
      {
        words: "entrepot over fetching straight to a file with fsync",
        of: (results) => ratioOf(results, "entrepot", direct),
        atLeast,
      },
      {
        words: "first byte after the origin's own, in ms",
        of: (results) => medianOf(results, "entrepot", extra(firstByte)),
        atMost: 5,
      },
    ],
    open: (how) => open(how, bytesPerSecond),
  };
}

function open(how: Opening, bytesPerSecond: number | undefined): Promise<OpenWorkload> {
  return openOnStage(how, async (stage) => {
    const server = await startEntrepot(stage);
    stage.origin.upstream.throttle.bytesPerSecond = bytesPerSecond;
    const client = new LoadProcess("rush");
    await stage.onClose(() => client.end());
    const pulls = new ColdPulls(stage, client, how.isShort ? 20e6 : 1e9);
    return [
      { name: "entrepot", measure: () => pulls.through(server) },
      { name: direct, measure: () => pulls.toFile() },
    ];
  });
}

/** Pulls of a blob that nobody has asked for before. */
class ColdPulls {
  readonly #stage: Stage;
  readonly #client: LoadProcess<"rush">;
  readonly #bytes: number;
  #made = 0;

  constructor(stage: Stage, client: LoadProcess<"rush">, bytes: number) {
    this.#stage = stage;
    this.#client = client;
    this.#bytes = bytes;
  }

  /** The client keeps nothing, and the pull is over when it has the last byte. */
  async through({ url, pids }: Server): Promise<Measurement> {
    const digest = this.#push();
    const file = blobPath(dataDirectory(this.#stage), digest);
    const { origin } = this.#stage;
    const [usage, asked] = [watchUsage(...pids), origin.watch()];
    const path = pathOf(digest);
    const [pulled] = await this.#client.ask({ url, path, clients: 1, isHashed: false });
    if (pulled?.status !== 200 || pulled.bytes !== this.#bytes)
      throw new Error(`${path} was not answered as it should`);
    const storing = performance.now();
    await until("the blob to be stored", 60_000, () => existsSync(file), 2);
    const storedMs = pulled.totalMs + performance.now() - storing;
    const sentAt = origin.upstream.requests.filter({ kind: "blob", method: "GET" })[0]?.firstByteAt ?? Number.NaN;
    return {
      ...this.#measurement(pulled.totalMs, { [firstByte]: pulled.firstByteAt - sentAt, [stored]: storedMs / 1000 }),
      ...usage(),
      upstream: asked(),
    };
  }

  /** The pull is over when the bytes would survive a power cut. */
  async toFile(): Promise<Measurement> {
    const { processes, origin, directoryFor } = this.#stage;
    const file = join(directoryFor("straight"), "blob");
    const url = `${origin.url}${pathOf(this.#push())}`;
    const asked = origin.watch();
    try {
      const tookMs = await pullToFile(processes, { url, file, bytes: this.#bytes });
      return { ...this.#measurement(tookMs, { [stored]: tookMs / 1000 }), upstream: asked() };
    } finally {
      rmSync(file, { force: true });
    }
  }

  #push(): Digest {
    this.#made += 1;
    return this.#stage.origin.upstream.pushBlob(repository, seededBlob(`cold ${this.#made}`, this.#bytes));
  }

  #measurement(tookMs: number, further: Record<string, number>): Measurement {
    const seconds = tookMs / 1000;
    return { value: this.#bytes / 1e6 / seconds, bytes: this.#bytes, extra: { seconds, ...further } };
  }
}

function pathOf(digest: Digest): string {
  return `/v2/${repository}/blobs/${digest}`;
}
