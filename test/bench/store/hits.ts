import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { digestOf, type Digest } from "../../../src/oci/index.ts";
import type { StoredImage } from "./catalog.ts";

export interface HitsOptions {
  url: string;
  images: readonly StoredImage[];
  clients: number;
  /** Each client waits so long behind each answer. */
  pauseMs: number;
}

/** Clients that pull stored images, manifest and blobs, one request after the other. */
export class Hits {
  readonly #options: HitsOptions;
  readonly #pool: Pool;
  readonly #running: Promise<unknown>;
  #isStopped = false;
  #eachMs: number[] = [];
  #count = 0;
  #wrong: string[] = [];

  constructor(options: HitsOptions) {
    this.#options = options;
    this.#pool = new Pool(options.url, { connections: options.clients, headersTimeout: 0, bodyTimeout: 0 });
    this.#running = Promise.all(Array.from({ length: options.clients }, (_, client) => this.#pullAll(client)));
  }

  /** How long each request has taken, in ms to its last byte, since this was last asked for. */
  takeTimes(): number[] {
    const times = this.#eachMs;
    this.#eachMs = [];
    return times;
  }

  get count(): number {
    return this.#count;
  }

  /** What was answered that was no hit, or had other bytes than were asked for. */
  get wrong(): readonly string[] {
    return this.#wrong;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await this.#pool.close();
  }

  async #pullAll(client: number): Promise<void> {
    const { images, clients } = this.#options;
    for (let place = client; !this.#isStopped; place = (place + clients) % images.length) {
      const image = images[place];
      if (!image) throw new Error("more clients than images");
      await this.#get(`/v2/${image.repository}/manifests/${image.manifest}`, image.manifest);
      for (const blob of image.blobs) await this.#get(`/v2/${image.repository}/blobs/${blob}`, blob);
    }
  }

  async #get(path: string, digest: Digest): Promise<void> {
    if (this.#isStopped) return;
    const startedAt = performance.now();
    const problem = await this.#problemOf(path, digest).catch((error: unknown) => String(error));
    this.#eachMs.push(performance.now() - startedAt);
    this.#count += 1;
    if (problem !== undefined) this.#wrong.push(`${path}: ${problem}`);
    await sleep(this.#options.pauseMs);
  }

  async #problemOf(path: string, digest: Digest): Promise<string | undefined> {
    const { statusCode, headers, body } = await this.#pool.request({ path, method: "GET" });
    const bytes = Buffer.from(await body.arrayBuffer());
    const status = String(headers["cache-status"]);
    if (statusCode !== 200 || !status.startsWith("entrepot; hit")) return `${statusCode} ${status}`;
    return digestOf(bytes) === digest ? undefined : "wrong bytes";
  }
}
