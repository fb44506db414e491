/** A limit as the configuration states it: bytes, or a share (0 to 1) of the file system. */
export type Amount = { kind: "bytes"; bytes: number } | { kind: "share"; share: number };

export interface BudgetSettings {
  /** Undefined: 80 % of what is free plus what the store holds at the start. */
  maxSize: Amount | undefined;
  minFree: Amount;
}

export interface BudgetOptions extends BudgetSettings {
  /** Bytes that the store holds now; the index counts them, so that nothing can drift apart. */
  storedBytes: () => number;
  space: () => Promise<{ availableBytes: number; totalBytes: number }>;
}

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
  extendTo(bytes: number): Promise<void>;
  /** Gives back what is held beyond `bytes`. */
  shrinkTo(bytes: number): void;
  /** Counts once, however often it is called. */
  release(): void;
}

/** The byte budget of the store: what is stored plus what is reserved stays within `maxBytes` and leaves `minFree`. */
export interface Budget {
  readonly maxBytes: number;
  readonly reservedBytes: number;
  /** @throws BudgetExceeded */
  reserve(bytes: number): Promise<Reservation>;
}

const defaultShare = 0.8;

export async function createBudget({ maxSize, minFree, storedBytes, space }: BudgetOptions): Promise<Budget> {
  const { availableBytes, totalBytes } = await space();
  const minFreeBytes = bytesOf(minFree, totalBytes);
  const maxBytes = maxSize ? bytesOf(maxSize, totalBytes) : Math.floor(defaultShare * (availableBytes + storedBytes()));
  let reservedBytes = 0;

  /** Takes the bytes first and asks the file system afterwards, so that two callers cannot both take the last room. */
  async function take(bytes: number): Promise<void> {
    if (storedBytes() + reservedBytes + bytes > maxBytes) throw new BudgetExceeded("storage.maxSize would be exceeded");
    reservedBytes += bytes;
    try {
      const { availableBytes: available } = await space();
      // What is reserved and already written counts twice here: near the limit that errs towards leaving space free.
      if (available - reservedBytes < minFreeBytes) throw new BudgetExceeded("storage.minFree would not be left");
    } catch (error) {
      reservedBytes -= bytes;
      throw error;
    }
  }

  async function reserve(bytes: number): Promise<Reservation> {
    await take(bytes);
    let held = bytes;
    let isOpen = true;
    return {
      async extendTo(wanted) {
        const more = wanted - held;
        if (more <= 0) return;
        await take(more);
        if (isOpen) {
          held += more;
          return;
        }
        reservedBytes -= more;
        throw new BudgetExceeded("the reservation has been released meanwhile");
      },
      shrinkTo(wanted) {
        if (!isOpen || wanted >= held) return;
        reservedBytes -= held - wanted;
        held = wanted;
      },
      release() {
        if (isOpen) reservedBytes -= held;
        isOpen = false;
      },
    };
  }

  return {
    maxBytes,
    get reservedBytes() {
      return reservedBytes;
    },
    reserve,
  };
}

function bytesOf(amount: Amount, totalBytes: number): number {
  return amount.kind === "bytes" ? amount.bytes : Math.floor(amount.share * totalBytes);
}
