import type { RequestListener } from "node:http";
import express, { Router, type Express } from "express";
import { readGuard, type GuardOptions } from "./guard.ts";
import { healthRoutes, type HealthOptions } from "./health-routes.ts";
import { errorFunnel, notFound, readOnly } from "./problem.ts";
import type { Stats } from "./stats.ts";

export interface MetricsAppOptions extends HealthOptions {
  /** Is told every error that became a 500. */
  onError: (error: unknown) => void;
}

export interface AdminAppOptions extends MetricsAppOptions, GuardOptions {
  stats: () => Stats | Promise<Stats>;
}

/** The face of `admin.listen`: health, metrics, and the admin API under `/api/v1`. */
export function createAdminApp(options: AdminAppOptions): RequestListener {
  const app = createApp();
  app.use(healthRoutes(options));
  app.use("/api/v1", readGuard(options), apiRoutes(options), notFound);
  return finished(app, options);
}

/** The face of `metrics.listen`: health and metrics, nothing else. */
export function createMetricsApp(options: MetricsAppOptions): RequestListener {
  const app = createApp();
  app.use(healthRoutes(options));
  return finished(app, options);
}

function apiRoutes({ stats }: AdminAppOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/stats", async (_request, response) => void response.json(await stats()));
  router.all("/stats", readOnly);
  return router;
}

function createApp(): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag").enable("case sensitive routing").enable("strict routing");
  app.use((_request, response, next) => {
    response.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    next();
  });
  return app;
}

function finished(app: Express, { onError }: MetricsAppOptions): RequestListener {
  app.use(notFound);
  app.use(errorFunnel(onError));
  return app;
}
