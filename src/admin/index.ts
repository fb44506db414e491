/** The listeners beside the registry: health, metrics, and the admin API. */
export { ensureAdminToken } from "./admin-token.ts";
export { createAdminApp, createMetricsApp, type AdminAppOptions, type MetricsAppOptions } from "./apps.ts";
export type { Readiness } from "./health-routes.ts";
export type { Stats } from "./stats.ts";
