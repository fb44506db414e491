/** One running call per key, however many ask: the second caller gets the first one's promise. */
export class Collapse<T> {
  readonly #running = new Map<string, Promise<T>>();

  isRunning(key: string): boolean {
    return this.#running.has(key);
  }

  /** `isLeader` tells the caller that started the work from those that joined it. */
  run(key: string, work: () => Promise<T>): { promise: Promise<T>; isLeader: boolean } {
    const running = this.#running.get(key);
    if (running) return { promise: running, isLeader: false };
    const promise = work().finally(() => this.#running.delete(key));
    this.#running.set(key, promise);
    // A caller that answers stale goes away before the end: the failure is then nobody's.
    promise.catch(() => undefined);
    return { promise, isLeader: true };
  }
}
