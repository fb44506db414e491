/** A limit as the configuration states it: bytes, or a share (0 to 1) of the file system. */
export type Amount = { kind: "bytes"; bytes: number } | { kind: "share"; share: number };

export interface BudgetSettings {
  /** Undefined: 80 % of what is free plus what the store holds at the start. */
  maxSize: Amount | undefined;
  minFree: Amount;
}

export interface BudgetOptions extends BudgetSettings {
  /** Bytes the store holds at the start. */
  storedBytes: number;
  space: () => Promise<{ availableBytes: number; totalBytes: number }>;
}

/** Bytes set aside for one staging file. Exactly one of `settle` and `release` counts, and only once. */
export interface Reservation {
  /** Makes the reservation at least `bytes` large; false where the budget has no room. */
  extendTo(bytes: number): Promise<boolean>;
  /** The file is committed with this size: reserved bytes become stored ones. */
  settle(bytes: number): void;
  release(): void;
}

/** The byte budget of the store: what is stored plus what is reserved stays within `maxBytes` and leaves `minFree`. */
export interface Budget {
  readonly maxBytes: number;
  readonly storedBytes: number;
  readonly reservedBytes: number;
  /** Undefined where the bytes do not fit: the content then passes through uncached. */
  reserve(bytes: number): Promise<Reservation | undefined>;
  /** Stored bytes that are gone from the disk. */
  removed(bytes: number): void;
}

const defaultShare = 0.8;

export async function createBudget(options: BudgetOptions): Promise<Budget> {
  const { availableBytes, totalBytes } = await options.space();
  const minFreeBytes = bytesOf(options.minFree, totalBytes);
  const maxBytes = options.maxSize
    ? bytesOf(options.maxSize, totalBytes)
    : Math.floor(defaultShare * (availableBytes + options.storedBytes));
  let storedBytes = options.storedBytes;
  let reservedBytes = 0;

  /** Takes the bytes first and asks the file system afterwards, so that two callers cannot both take the last room. */
  async function take(bytes: number): Promise<boolean> {
    if (storedBytes + reservedBytes + bytes > maxBytes) return false;
    reservedBytes += bytes;
    const { availableBytes: available } = await options.space();
    // What is reserved and already written counts twice here: near the limit that errs towards leaving space free.
    if (available - reservedBytes >= minFreeBytes) return true;
    reservedBytes -= bytes;
    return false;
  }

  function createReservation(first: number): Reservation {
    let held = first;
    let isOpen = true;
    const end = (): void => {
      if (!isOpen) return;
      isOpen = false;
      reservedBytes -= held;
    };
    return {
      async extendTo(bytes) {
        const more = bytes - held;
        if (more <= 0) return true;
        if (!isOpen || !(await take(more))) return false;
        held += more;
        return true;
      },
      settle(bytes) {
        if (isOpen) storedBytes += bytes;
        end();
      },
      release: end,
    };
  }

  return {
    maxBytes,
    get storedBytes() {
      return storedBytes;
    },
    get reservedBytes() {
      return reservedBytes;
    },
    async reserve(bytes) {
      return (await take(bytes)) ? createReservation(bytes) : undefined;
    },
    removed(bytes) {
      storedBytes -= bytes;
    },
  };
}

function bytesOf(amount: Amount, totalBytes: number): number {
  return amount.kind === "bytes" ? amount.bytes : Math.floor(amount.share * totalBytes);
}
