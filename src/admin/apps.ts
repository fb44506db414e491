import type { RequestListener } from "node:http";
import express, { Router, type Express, type Request } from "express";
import { readGuard, type GuardOptions } from "./guard.ts";
import { healthRoutes, type HealthOptions } from "./health-routes.ts";
import { errorFunnel, notFound, readOnly, sendProblem } from "./problem.ts";
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
  app.use((request, response, next) => {
    response.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    if (isUnambiguous(request)) next();
    else sendProblem(response, 400, "an absolute request target, several Host headers, or a body where none belongs");
  });
  return app;
}

function finished(app: Express, { onError }: MetricsAppOptions): RequestListener {
  app.use(notFound);
  app.use(errorFunnel(onError));
  return app;
}

/** Node accepts what two servers could read differently; the Host that is checked must be the one that is meant. */
function isUnambiguous({ url, rawHeaders, headers }: Request): boolean {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  const hasBody = (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
  return url.startsWith("/") && hosts.length <= 1 && !hasBody;
}
