// What makes every metric move: pulls by every family of clients, and everything that can go wrong for them.
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temperaments, type PushedImage, type Temperament } from "../upstream/index.ts";
import { budgetBytes, type Scene } from "./entrepot.ts";

const agents = [
  "containerd/v2.1.0",
  "docker/29.0.0 go/go1.25 containerd-client/2.1.4",
  "containers/5.34.0 (github.com/containers/image)",
  "skopeo/1.18.0",
  "Buildah/1.39.0",
  "cri-o/1.32.0 go/go1.23 os/linux arch/amd64",
  "buildkit/v0.23",
  "crane/0.20.2",
];
const layerBytes = 1_500_000;
/** More than is kept in memory, so that it is read from the disk. */
const steadyBytes = 400_000;
const steady = "library/steady";
const atMostMs = 180_000;

export class Load {
  readonly #scene: Scene;
  readonly #steady: PushedImage;
  #turn = 0;
  #pullsLeft = 100;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#steady = scene.hub.pushImage(steady, "1", { layers: [steadyBytes] });
    this.#announce();
    for (const name of ["one", "two", "three"]) scene.flaky.pushImage(name, "1", { layers: [5000] });
    scene.closed.pushImage("team/app", "1");
  }

  /**
   * Goes on for at least so long, and until everything has happened and more was pulled than the store can hold.
   * @throws Error where that takes too long.
   */
  async run(atLeastMs: number): Promise<void> {
    const begunAt = Date.now();
    const happenings = this.#happenings();
    const isDone = (): boolean =>
      happenings.length === 0 && this.#turn * layerBytes > 2 * budgetBytes && Date.now() > begunAt + atLeastMs;
    while (!isDone()) {
      if (Date.now() > begunAt + atMostMs) throw new Error("the load has taken too long");
      this.#turn += 1;
      await this.#pullSteady();
      await this.#release();
      await happenings.shift()?.();
    }
  }

  async #get(path: string, headers: Record<string, string> = {}): Promise<string> {
    const agent = agents[this.#turn % agents.length] ?? "";
    const response = await fetch(`${this.#scene.url}${path}`, { headers: { "user-agent": agent, ...headers } });
    // A body that is cut short on purpose is part of the load.
    await response.arrayBuffer().catch(() => undefined);
    return response.headers.get("cache-status") ?? "";
  }

  async #pull(name: string, { digest, config, layers }: PushedImage, ns = "docker.io"): Promise<void> {
    const get = (path: string): Promise<string> => this.#get(`/v2/${name}/${path}?ns=${ns}`);
    await get("manifests/1");
    await get(`manifests/${digest}`);
    await Promise.all([config, ...layers].map((blob) => get(`blobs/${blob.digest}`)));
  }

  async #pullSteady(): Promise<void> {
    await this.#pull(steady, this.#steady);
    await this.#get("/v2/");
    await this.#get(`/v2/${steady}/tags/list`);
    await this.#get(`/v2/${steady}/referrers/${this.#steady.digest}`);
    await this.#get(`/v2/${steady}/manifests/missing`);
    await this.#get("/v2/not.configured/app/manifests/1");
  }

  /** A new image that three clients pull at once; the store is too small for all of them. */
  async #release(): Promise<void> {
    const name = `library/release-${this.#turn}`;
    const image = this.#scene.hub.pushImage(name, "1", { layers: [layerBytes] });
    await Promise.all([1, 2, 3].map(() => this.#pull(name, image)));
  }

  #announce(): void {
    const temperament: Temperament = {
      name: "announces a quota",
      reply: (reply) => {
        this.#pullsLeft = Math.max(1, this.#pullsLeft - 1);
        const headers = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": `${this.#pullsLeft};w=21600` };
        return { ...reply, headers: { ...reply.headers, ...headers } };
      },
    };
    for (const on of ["manifest-tag", "manifest-digest"] as const) this.#scene.hub.misbehave({ on, temperament });
  }

  #happenings(): (() => Promise<unknown>)[] {
    return [
      () => this.#slowLayer(),
      () => this.#interruptedLayer(),
      () => this.#wrongBytes(),
      () => this.#tooLarge(),
      () => this.#distantPart(),
      () => this.#get("/v2/", { authorization: "Basic bWU6c2VjcmV0" }),
      () => this.#get("/v2/team/app/manifests/1?ns=lab.test"),
      () => this.#rateLimit(),
      () => this.#damage(),
      () => this.#failingTag(),
      () => this.#outage(),
    ];
  }

  /** Slow enough for several scrapes to see the download and who waits for it. */
  async #slowLayer(): Promise<void> {
    const name = "library/slow";
    const image = this.#scene.hub.pushImage(name, "1", { layers: [layerBytes] });
    const reference = String(image.layers[0]?.digest);
    this.#scene.hub.misbehave({ on: "blob", reference, temperament: temperaments.slow(layerBytes / 8) });
    await Promise.all([1, 2, 3].map(() => this.#pull(name, image)));
  }

  async #interruptedLayer(): Promise<void> {
    const name = "library/interrupted";
    const image = this.#scene.hub.pushImage(name, "1", { layers: [layerBytes] });
    const reference = String(image.layers[0]?.digest);
    const temperament = temperaments.truncate(layerBytes / 2, "rst");
    this.#scene.hub.misbehave({ on: "blob", reference, times: 1, temperament });
    await this.#pull(name, image);
  }

  async #wrongBytes(): Promise<void> {
    const name = "library/wrong";
    const image = this.#scene.hub.pushImage(name, "1", { layers: [5000] });
    const reference = String(image.layers[0]?.digest);
    this.#scene.hub.misbehave({ on: "blob", reference, temperament: temperaments.wrongByte(100) });
    await this.#pull(name, image);
  }

  async #tooLarge(): Promise<void> {
    const name = "library/too-large";
    await this.#pull(name, this.#scene.hub.pushImage(name, "1", { layers: [budgetBytes + 1_000_000] }));
  }

  async #distantPart(): Promise<void> {
    const name = "library/part";
    const image = this.#scene.hub.pushImage(name, "1", { layers: [layerBytes] });
    await this.#get(`/v2/${name}/manifests/1`);
    await this.#get(`/v2/${name}/blobs/${String(image.layers[0]?.digest)}`, { range: `bytes=${layerBytes - 100}-` });
  }

  async #rateLimit(): Promise<void> {
    this.#scene.flaky.misbehave({ on: "manifest-tag", times: 1, temperament: temperaments.rateLimited(1) });
    await this.#get("/v2/one/manifests/1?ns=quay.io");
  }

  /** A stored file is overwritten behind the back of the cache. */
  async #damage(): Promise<void> {
    const hex = String(this.#steady.layers[0]?.digest).slice("sha256:".length);
    const file = join(this.#scene.dataDir, "blobs/sha256", hex.slice(0, 2), hex);
    await chmod(file, 0o600);
    await writeFile(file, Buffer.alloc(steadyBytes));
    await this.#get(`/v2/${steady}/blobs/sha256:${hex}`);
  }

  /** Longer than a tag is fresh for: what is stored is served stale. */
  async #failingTag(): Promise<void> {
    const temperament = temperaments.status(500);
    const failing = this.#scene.hub.misbehave({ on: "any", repository: steady, isBeforeAuth: true, temperament });
    await sleep(1500);
    await this.#pullSteady();
    failing.stop();
  }

  /** Long enough for the breaker to open, and for a scrape to see it. */
  async #outage(): Promise<void> {
    await this.#scene.flaky.stop();
    const repositories = ["one", "two", "three"];
    for (let turn = 0; turn < 3; turn += 1) {
      await Promise.all(repositories.map((name) => this.#get(`/v2/${name}/manifests/1?ns=quay.io`)));
      await sleep(2000);
    }
    await this.#scene.flaky.restart();
  }
}
