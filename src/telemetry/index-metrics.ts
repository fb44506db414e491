import type { Registry } from "prom-client";
import { createGauge, createHistogram } from "./series.ts";

/** What the writer of the reference index has to do. */
export interface IndexMetrics {
  indexWriteBegun(): void;
  /** It is committed, or has failed, `seconds` after it began. */
  indexWriteEnded(seconds: number): void;
}

export function createIndexMetrics(registry: Registry): IndexMetrics {
  const waiting = createGauge(registry, {
    name: "index_writes_waiting",
    help: "Writes to the reference index that are not committed yet.",
    labels: {},
  });
  const duration = createHistogram(registry, {
    name: "index_write_duration_seconds",
    help: "From a write to the reference index being asked for to its commit on disk.",
    labels: {},
  });
  return {
    indexWriteBegun: () => waiting.inc(),
    indexWriteEnded(seconds) {
      waiting.dec();
      duration.observe(seconds);
    },
  };
}
