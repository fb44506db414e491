import { RegistryError, type ImageName } from "../oci/index.ts";
import { newItem, Tally, type WarmItem, type WarmProgress } from "./items.ts";
import { PlatformMissing, type WantedPlatforms } from "./platforms.ts";
import { warmImage, type WarmPorts } from "./warm-image.ts";

export interface WarmOptions {
  images: readonly ImageName[];
  platforms: WantedPlatforms;
  /** So many images at once. */
  parallel: number;
  /** Is told what is a bug, and not in the way of one image only. */
  onError: (error: unknown) => void;
}

/** What has become of all images that had a chance. */
export interface WarmResult {
  /** `images`: of which something was fetched. */
  fetched: { images: number; blobs: number; bytes: number };
  present: { blobs: number; bytes: number };
  failed: { image: string; error: string }[];
}

/** Images to be fetched ahead of the clients that will ask for them. */
export class Warming {
  /** One for each image, in their order; they change while it runs. */
  readonly items: readonly WarmItem[];
  readonly #work: { name: ImageName; item: WarmItem }[];
  readonly #options: WarmOptions;
  readonly #ports: WarmPorts;

  constructor(options: WarmOptions, ports: WarmPorts) {
    this.#options = options;
    this.#ports = ports;
    const work = options.images.map((name) => ({ name, item: newItem(name) }));
    this.#work = [...new Map(work.map((one) => [one.item.image, one])).values()];
    this.items = this.#work.map(({ item }) => item);
  }

  /**
   * Fetches what is missing. What fails for one image does not stop the others.
   * @throws the reason of `signal`, when it is aborted; what is here then stays.
   */
  async run(signal: AbortSignal, onProgress: (progress: WarmProgress) => void): Promise<WarmResult> {
    const sums: WarmProgress = { bytes: 0, totalBytes: 0, blobs: 0, totalBlobs: 0 };
    const left = this.#work.values();
    const takeAll = async (): Promise<void> => {
      for (const { name, item } of left) await this.#warm(name, new Tally(item, sums, () => onProgress(sums)), signal);
    };
    await Promise.all(Array.from({ length: this.#options.parallel }, takeAll));
    signal.throwIfAborted();
    return resultOf(this.items);
  }

  async #warm(name: ImageName, tally: Tally, signal: AbortSignal): Promise<void> {
    const { item } = tally;
    try {
      signal.throwIfAborted();
      item.state = "running";
      await warmImage({ name, tally, signal, platforms: this.#options.platforms }, this.#ports);
      item.state = "done";
    } catch (error) {
      item.state = signal.aborted ? "cancelled" : "failed";
      if (!signal.aborted) item.error = this.#wordsOf(error);
    }
  }

  #wordsOf(error: unknown): string {
    if (error instanceof PlatformMissing) return error.message;
    if (error instanceof RegistryError) return wordsOfRefusal(error);
    this.#options.onError(error);
    return "something went wrong here; the log says more";
  }
}

/** With what the upstream has said, or the rule that refuses it. */
export function wordsOfRefusal({ message, detail = {} }: RegistryError): string {
  const more = detail["said"] ?? detail["policy"];
  return typeof more === "string" ? `${message}: ${more}` : message;
}

function resultOf(items: readonly WarmItem[]): WarmResult {
  const sum = (count: (item: WarmItem) => number): number => items.reduce((total, item) => total + count(item), 0);
  const fetchedBytes = sum((item) => item.fetchedBytes);
  return {
    fetched: {
      images: items.filter(({ fetchedBlobs }) => fetchedBlobs > 0).length,
      blobs: sum(({ fetchedBlobs }) => fetchedBlobs),
      bytes: fetchedBytes,
    },
    present: { blobs: sum(({ presentBlobs }) => presentBlobs), bytes: sum(({ bytes }) => bytes) - fetchedBytes },
    failed: items.flatMap(({ image, error }) => (error === undefined ? [] : [{ image, error }])),
  };
}
