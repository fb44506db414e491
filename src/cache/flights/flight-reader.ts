import { BodyBroken } from "../broken.ts";
import { Cancelled, type Flight, type Run } from "./flight.ts";
import type { BlobReader } from "../blobs/reader.ts";
import type { Source } from "../source.ts";
import type { RelayReader } from "./relay.ts";
import type { UncachedStream } from "./uncached-stream.ts";

export interface FlightReaderOptions {
  /** The reader's own repository, for what it must fetch by itself. */
  source: Source;
  /** Where this response ends, exclusive. */
  end: number;
  /** Whether the response is the whole blob, whose digest we vouch for. */
  isWhole: boolean;
  onClose: () => void;
}

/** One client's view of a flight: follows the growing file, and goes on by itself where the flight could not store. */
export class FlightReader implements BlobReader {
  readonly #flight: Flight;
  readonly #run: Run;
  readonly #options: FlightReaderOptions;
  readonly #controller = new AbortController();
  #following: RelayReader | undefined;
  #rest: UncachedStream | undefined;

  constructor(flight: Flight, options: FlightReaderOptions) {
    this.#flight = flight;
    this.#run = flight.run;
    this.#options = options;
  }

  async read(buffer: Buffer, position: number, length: number): Promise<number> {
    while (!this.#rest) {
      if (this.#controller.signal.aborted) throw new BodyBroken("closed", "the reader has left");
      if (this.#run.error) throw this.#run.error;
      this.#checkLength();
      if (position < this.#flight.available) return this.#readPart(buffer, position, length);
      if (this.#isComplete()) return 0;
      if (this.#flight.phase === "detached") {
        const count = await this.#follow(buffer, position, length);
        if (count !== undefined) return count;
        this.#rest = await this.#openRest(position);
      } else {
        await this.#flight.changed();
      }
    }
    return this.#rest.read(buffer, position, length);
  }

  async close(): Promise<void> {
    if (this.#controller.signal.aborted) return;
    this.#controller.abort(new Cancelled("the reader has left"));
    this.#flight.wake();
    this.#options.onClose();
    await this.#following?.close();
    await this.#rest?.close();
  }

  /** From what all readers share; undefined where this one must go on by itself. */
  async #follow(buffer: Buffer, position: number, length: number): Promise<number | undefined> {
    const { end, isWhole } = this.#options;
    this.#following ??= this.#flight.follow(position, end, isWhole);
    const count = await this.#following?.read(buffer, position, length);
    return this.#following?.fellBehind ? undefined : count;
  }

  async #readPart(buffer: Buffer, position: number, length: number): Promise<number> {
    try {
      return await this.#flight.read(buffer, position, length);
    } catch (error) {
      throw new BodyBroken("transport", "the part cannot be read", error);
    }
  }

  #openRest(start: number): Promise<UncachedStream> {
    const { source, end, isWhole } = this.#options;
    const hash = this.#following?.fellBehind?.hash;
    return this.#flight.openRest(source, { start, end }, isWhole, this.#controller.signal, hash);
  }

  #isComplete(): boolean {
    return this.#flight.phase === "verified" || this.#flight.phase === "stored";
  }

  /** A length that only a manifest claimed may turn out wrong: then the last byte must not go out. */
  #checkLength(): void {
    const { end, isWhole } = this.#options;
    const isTooLong = this.#flight.phase === "detached" && this.#flight.written >= Math.max(1, end);
    if (isWhole && (isTooLong || (this.#isComplete() && this.#flight.size !== end))) {
      throw new BodyBroken("length-mismatch", "the blob does not have the length that was announced");
    }
  }
}
