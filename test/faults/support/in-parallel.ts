import { availableParallelism } from "node:os";

/** Works on all items, as many at a time as there are processors; each worker takes the next one when it is ready. */
export async function inParallel<T>(items: readonly T[], startWorker: () => Promise<Worker<T>>): Promise<void> {
  const left = [...items];
  const count = Math.min(items.length, Math.max(2, availableParallelism()));
  const work = async (): Promise<void> => {
    const worker = await startWorker();
    try {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await worker.take(item);
    } finally {
      await worker.end();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: count }, work));
  const failures = ends.filter((end) => end.status === "rejected").map(({ reason }): unknown => reason);
  if (failures.length > 0) throw failures[0];
}

export interface Worker<T> {
  take(item: T): Promise<void>;
  end(): Promise<void>;
}
