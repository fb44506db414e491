interface Waiter {
  admit: () => void;
}

/** A number of requests that may be under way to one host at once; the others wait, and the repositories take turns. */
export interface Lane {
  /**
   * Resolves with the function that gives the slot back; calling it again does nothing.
   * @throws the signal's reason where it aborts first
   */
  acquire(repository: string, signal: AbortSignal): Promise<() => void>;
  readonly running: number;
}

export function createLane(slots: number): Lane {
  // In the order of their turns; a repository without waiters is not in it.
  const queues = new Map<string, Waiter[]>();
  let running = 0;

  const next = (): Waiter | undefined => {
    const [repository, queue] = queues.entries().next().value ?? [];
    if (repository === undefined) return undefined;
    const waiter = queue?.shift();
    queues.delete(repository);
    if (queue && queue.length > 0) queues.set(repository, queue);
    return waiter;
  };

  const slot = (): (() => void) => {
    running += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      running -= 1;
      next()?.admit();
    };
  };

  const leave = (repository: string, waiter: Waiter): void => {
    const queue = queues.get(repository)?.filter((other) => other !== waiter) ?? [];
    // Set in its place: whoever stays keeps the turn.
    if (queue.length > 0) queues.set(repository, queue);
    else queues.delete(repository);
  };

  return {
    get running() {
      return running;
    },
    async acquire(repository, signal) {
      signal.throwIfAborted();
      if (running < slots) return slot();
      const { promise, resolve, reject } = Promise.withResolvers<() => void>();
      const waiter: Waiter = { admit: () => resolve(slot()) };
      const onAbort = (): void => {
        leave(repository, waiter);
        reject(signal.reason as Error);
      };
      queues.set(repository, [...(queues.get(repository) ?? []), waiter]);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        return await promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
