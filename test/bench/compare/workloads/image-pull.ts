import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../../../clients/child-processes.ts";
import type { PushedImage } from "../../../upstream/index.ts";
import { startDockerRegistry } from "../entrants/docker-registry.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { startDistant } from "../network/distant.ts";
import { ratioOf } from "../results.ts";
import { openOnStage, type Server, type Stage } from "../stage.ts";
import { watchUsage } from "../usage.ts";
import { warm, type Asset } from "../warming.ts";
import type { Entrant, Measurement, Opening, OpenWorkload, Workload } from "../workload.ts";

const direct = "direct";
const tag = "1";
const roundTripMs = 20;
/** 200 Mbit/s of each connection. */
const bytesPerSecond = 25e6;
/** 500 MB. */
const layerMegabytes = [150, 110, 80, 60, 40, 25, 15, 10, 6, 2.5, 1, 0.5];

export const imagePullWorkload: Workload = {
  name: "image-pull",
  title: "image of 12 layers and 500 MB by skopeo, origin 20 ms away with 200 Mbit/s per connection",
  unit: "s",
  isLessBetter: true,
  goals: [
    { words: "cold over direct", of: (results) => ratioOf(results, "entrepot, cold", direct), atMost: 1.03 },
    { words: "warm over direct", of: (results) => ratioOf(results, "entrepot, warm", direct), atMost: 0.1 },
  ],
  open,
};

function open(how: Opening): Promise<OpenWorkload> {
  return openOnStage(how, async (near) => {
    const distant = await startDistant({ targetPort: near.origin.upstream.port, roundTripMs, bytesPerSecond });
    await near.onClose(() => distant.close());
    const stage: Stage = { ...near, origin: { ...near.origin, url: distant.url } };
    const pulls = new ImagePulls(stage, how.isShort ? 1e3 : 1e6);
    const entrepot = await startEntrepot(stage);
    const registry = await startDockerRegistry(stage);
    return [
      { name: direct, measure: (round) => pulls.direct(round) },
      ...pulls.coldAndWarm(entrepot),
      ...pulls.coldAndWarm(registry),
    ];
  });
}

/** Pulls of an image by skopeo; each round has an image of its own. */
class ImagePulls {
  readonly #stage: Stage;
  readonly #megabyte: number;
  readonly #images = new Map<number, PushedImage>();

  /** @param megabyte - the bytes of what counts as one */
  constructor(stage: Stage, megabyte: number) {
    this.#stage = stage;
    this.#megabyte = megabyte;
  }

  async direct(round: number): Promise<Measurement> {
    const asked = this.#watch(round);
    return { ...(await this.#copy(this.#stage.origin.url, round)), upstream: asked() };
  }

  coldAndWarm(server: Server): Entrant[] {
    return [
      { name: `${server.name}, cold`, measure: (round) => this.#through(server, round) },
      {
        name: `${server.name}, warm`,
        measure: async (round) => {
          // A cache may still be storing what the client already has.
          await warm(server, this.#stage, this.#assets(round));
          return this.#through(server, round);
        },
      },
    ];
  }

  async #through({ url, pids }: Server, round: number): Promise<Measurement> {
    const [usage, asked] = [watchUsage(...pids), this.#watch(round)];
    const copied = await this.#copy(url, round);
    return { ...copied, ...usage(), upstream: asked() };
  }

  #watch(round: number): () => NonNullable<Measurement["upstream"]> {
    // Made before anything is measured: hashing half a gigabyte takes a while.
    this.#image(round);
    return this.#stage.origin.watch();
  }

  /** skopeo checks each digest itself. */
  async #copy(url: string, round: number): Promise<Measurement> {
    const { processes, directoryFor } = this.#stage;
    const target = join(directoryFor("copies"), "image");
    const source = `docker://${new URL(url).host}/${repositoryOf(round)}:${tag}`;
    const how = ["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"];
    const startedAt = performance.now();
    try {
      await processes.run(binary("skopeo"), [...how, source, `dir:${target}`], { timeoutMs: 600_000 });
      const seconds = (performance.now() - startedAt) / 1000;
      if (!existsSync(join(target, "manifest.json"))) throw new Error(`skopeo has copied nothing from ${source}`);
      const { manifest, config, layers } = this.#image(round);
      const bytes = [config, ...layers].reduce((sum, { size }) => sum + size, manifest.length);
      return { value: seconds, bytes, requests: layers.length + 2 };
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }

  #image(round: number): PushedImage {
    const known = this.#images.get(round);
    if (known) return known;
    const layers = layerMegabytes.map((megabytes) => Math.round(megabytes * this.#megabyte));
    const image = this.#stage.origin.upstream.pushImage(repositoryOf(round), tag, { layers });
    this.#images.set(round, image);
    return image;
  }

  #assets(round: number): Asset[] {
    const { digest, manifest, config, layers } = this.#image(round);
    const home = `/v2/${repositoryOf(round)}`;
    return [
      { path: `${home}/manifests/${tag}`, digest, bytes: manifest.length },
      ...[config, ...layers].map(({ digest: blob, size }) => ({
        path: `${home}/blobs/${blob}`,
        digest: blob,
        bytes: size,
      })),
    ];
  }
}

function repositoryOf(round: number): string {
  return `library/pull-${round}`;
}
