import { Jobs, type Operations } from "../../../src/admin/index.ts";

type Work = Parameters<Jobs["start"]>[1];

/** The operations on jobs, for which `work` stands in. */
export function jobOperations(kind: "verify" | "backup", work: Work): Partial<Operations> {
  const jobs = new Jobs({ now: () => 0, onError: () => undefined });
  const start = () => jobs.start(kind, work);
  return {
    startVerify: start,
    startBackup: start,
    job: (id) => jobs.get(id),
    cancelJob: (id) => jobs.cancel(id),
  };
}

/** What a terminal is told. */
export function terminal(): { write(text: string): void; isTTY: true; columns: number; written: string } {
  return {
    isTTY: true,
    columns: 100,
    written: "",
    write(text) {
      this.written += text;
    },
  };
}

/** Stands for a person's Ctrl-C. */
export function interruption() {
  const listeners = new Set<() => void>();
  return {
    listeners,
    onInterrupt: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    interrupt: () => {
      for (const listener of listeners) listener();
    },
  };
}
