import type { DestinationStream } from "pino";

const waitAtMostMs = 20;
const batchBytes = 64 * 1024;
/** Of UTF-8, for one unit of a string. */
const maxBytesPerUnit = 3;

/**
 * Hands lines on together: to write out one costs as much as to write out hundreds. They wait as bytes, which are no work
 * for the garbage collector.
 */
export class LineBatches implements DestinationStream {
  readonly #output: (lines: string) => void;
  readonly #batch = Buffer.allocUnsafeSlow(batchBytes);
  #used = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param output - Takes whole lines, in their order. */
  constructor(output: (lines: string) => void) {
    this.#output = output;
  }

  write(line: string): void {
    const mostBytes = line.length * maxBytesPerUnit;
    if (this.#used + mostBytes > batchBytes) this.flush();
    if (mostBytes > batchBytes) {
      this.#output(line);
      return;
    }
    this.#used += this.#batch.write(line, this.#used);
    this.#timer ??= setTimeout(() => this.flush(), waitAtMostMs).unref();
  }

  /** Hands on what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#used > 0) this.#output(this.#batch.toString("utf8", 0, this.#used));
    this.#used = 0;
  }
}
