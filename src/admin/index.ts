/** The listeners beside the registry: health, metrics, and the admin API. */
export { ensureAdminToken } from "./admin-token.ts";
export { fillDocuments, type ActivityDocument, type ActivitySource, type FillDocument } from "./activity.ts";
export { createAdminApp, createMetricsApp, type AdminAppOptions, type MetricsAppOptions } from "./apps.ts";
export type * from "./documents.ts";
export { EventStream, type EventStreamOptions } from "./event-stream.ts";
export type * from "./documents/images.ts";
export type { UpstreamDocument, UpstreamView } from "./documents/upstreams.ts";
export type { Readiness } from "./health-routes.ts";
export { Jobs, type Job, type JobProgress } from "./jobs.ts";
export { OperationRefused } from "./operation-refused.ts";
export { startWebhooks } from "./webhooks/webhooks.ts";
export type { WebhookObserver } from "./webhooks/webhook.ts";
export type { Operations, ReloadReport } from "./operations.ts";
export type { Stats } from "./stats.ts";
