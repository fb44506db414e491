/** A limit as the configuration states it: bytes, or a share (0 to 1) of the file system. */
export type Amount = { kind: "bytes"; bytes: number } | { kind: "share"; share: number };

export interface BudgetSettings {
  /** Undefined: 80 % of what is free plus what the store holds at the start. */
  maxSize: Amount | undefined;
  minFree: Amount;
}

export interface BudgetOptions extends BudgetSettings {
  /** Bytes of files that the store holds now; the index counts them, so that nothing can drift apart. */
  storedBytes: () => number;
  space: () => Promise<{ availableBytes: number; totalBytes: number }>;
  /** Makes `bytes` go; resolves to false, and has taken nothing, where that cannot be done. */
  makeRoom: (bytes: number, cause: RoomCause) => Promise<boolean>;
}

/** `evict` makes room, `free` takes only what is free. */
export type HowToTake = "evict" | "free";

/** Which limit asks for room. */
export type RoomCause = "budget" | "min-free";

/** The content does not fit: it passes through uncached. */
export class BudgetExceeded extends Error {
  override readonly name = "BudgetExceeded";
}

/** Bytes set aside for one staging file, until its row is committed or the file is gone. */
export interface Reservation {
  /**
   * Makes the reservation at least `bytes` large.
   * @throws BudgetExceeded
   */
  extendTo(bytes: number, how?: HowToTake): Promise<void>;
  /** Gives back what is held beyond `bytes`. */
  shrinkTo(bytes: number): void;
  /** So many bytes are in the file: the file system counts them too. */
  wrote(bytes: number): void;
  /** Counts once, however often it is called. */
  release(): void;
}

/** The byte budget of the store: what is stored plus what is reserved stays within `maxBytes` and leaves `minFree`. */
export interface Budget {
  readonly maxBytes: number;
  readonly minFreeBytes: number;
  readonly reservedBytes: number;
  /**
   * Sets `bytes` aside, in the order of asking.
   * @param how - By default, room is made.
   * @throws BudgetExceeded
   */
  reserve(bytes: number, how?: HowToTake): Promise<Reservation>;
  /** Bytes that are stored and reserved beyond `maxBytes` less `room`; not above 0 where there is room. */
  excess(room: number): number;
}

const defaultShare = 0.8;

export async function createBudget(options: BudgetOptions): Promise<Budget> {
  const { maxSize, minFree, storedBytes, space, makeRoom } = options;
  const { availableBytes, totalBytes } = await space();
  const minFreeBytes = bytesOf(minFree, totalBytes);
  const maxBytes = maxSize ? bytesOf(maxSize, totalBytes) : Math.floor(defaultShare * (availableBytes + storedBytes()));
  let reservedBytes = 0;
  /** Of what is reserved, bytes that are in a file already: these are no longer available. */
  let writtenBytes = 0;
  let last: Promise<unknown> = Promise.resolve();

  const excess = (room: number): number => storedBytes() + reservedBytes + room - maxBytes;

  /** Bytes that must go before `bytes` more may be taken, and why; undefined where they may. */
  async function shortage(bytes: number): Promise<{ bytes: number; cause: RoomCause } | undefined> {
    if (excess(bytes) > 0) return { bytes: excess(bytes), cause: "budget" };
    const { availableBytes: available } = await space();
    const missing = minFreeBytes + (reservedBytes - writtenBytes) + bytes - available;
    return missing > 0 ? { bytes: missing, cause: "min-free" } : undefined;
  }

  async function take(bytes: number, how: HowToTake): Promise<void> {
    const limit = { budget: "storage.maxSize would be exceeded", "min-free": "storage.minFree would not be left" };
    if (reservedBytes + bytes > maxBytes) throw new BudgetExceeded(limit.budget);
    for (;;) {
      const short = await shortage(bytes);
      if (!short) break;
      if (how === "free" || !(await makeRoom(short.bytes, short.cause))) throw new BudgetExceeded(limit[short.cause]);
    }
    reservedBytes += bytes;
  }

  /** One after the other: two that ask at once must not count the same room, nor make it twice. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  }

  async function reserve(bytes: number, how: HowToTake = "evict"): Promise<Reservation> {
    await inTurn(() => take(bytes, how));
    let held = bytes;
    let written = 0;
    let isOpen = true;
    const setWritten = (count: number): void => {
      writtenBytes += count - written;
      written = count;
    };
    return {
      async extendTo(wanted, howMore = "evict") {
        await inTurn(async () => {
          const more = wanted - held;
          if (more <= 0) return;
          await take(more, howMore);
          if (isOpen) {
            held += more;
            return;
          }
          reservedBytes -= more;
          throw new BudgetExceeded("the reservation has been released meanwhile");
        });
      },
      shrinkTo(wanted) {
        if (!isOpen || wanted >= held) return;
        reservedBytes -= held - wanted;
        held = wanted;
        setWritten(Math.min(written, held));
      },
      wrote(count) {
        if (isOpen) setWritten(Math.min(count, held));
      },
      release() {
        if (!isOpen) return;
        setWritten(0);
        reservedBytes -= held;
        isOpen = false;
      },
    };
  }

  return {
    maxBytes,
    minFreeBytes,
    get reservedBytes() {
      return reservedBytes;
    },
    reserve,
    excess,
  };
}

function bytesOf(amount: Amount, totalBytes: number): number {
  return amount.kind === "bytes" ? amount.bytes : Math.floor(amount.share * totalBytes);
}
