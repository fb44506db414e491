/** The logger, the metrics, and the words that both use. */
export { clientFamilies, clientFamily, type ClientFamily } from "./client-family.ts";
export { createEvents, type EventListener, type Events, type Subscription } from "./events/events.ts";
export type { CorruptionFinder, EventKind, NewEvent, PublishedEvent } from "./events/event.ts";
export { History, historyStepMs, type HistoryOptions, type HistoryPoint } from "./history.ts";
export {
  evictionReasons,
  outcomes,
  type EvictionReason,
  type OffloadResult,
  type Outcome,
  type RequestKind,
  type UncachedReason,
} from "./labels.ts";
export { createLogger, createRequestLog, type Logger, type LoggerOptions, type RequestLog } from "./logger.ts";
export { createMetrics, type Metrics, type MetricsOptions, type MetricsSnapshot } from "./metrics.ts";
export { createRequestId } from "./request-id.ts";
export type { FinishedRequest, RequestMetrics } from "./request-metrics.ts";
export type { FlightReading, OfflineReading, StoreReading } from "./store-metrics.ts";
export type { UpstreamMetrics } from "./upstream-metrics.ts";
