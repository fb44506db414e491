import type { RequestListener } from "node:http";
import express, { Router, type Express, type Request, type RequestHandler } from "express";
import type { ActivitySource } from "./activity.ts";
import type { EventStream } from "./event-stream.ts";
import type { Page } from "../console/index.ts";
import { createGuard, type GuardOptions } from "./guard.ts";
import { healthRoutes, type HealthOptions } from "./health-routes.ts";
import { hasBody, readJsonBody } from "./json-body.ts";
import { openapiDocument } from "./openapi/document.ts";
import type { Operations } from "./operations.ts";
import { pageRoutes } from "./page-routes.ts";
import { allowOnly, errorFunnel, notFound, sendProblem } from "./problem.ts";
import { eventRoutes } from "./routes/event-routes.ts";
import { evictionRoutes } from "./routes/eviction-routes.ts";
import { imageRoutes } from "./routes/image-routes.ts";
import { jobRoutes } from "./routes/job-routes.ts";
import { pinRoutes } from "./routes/pin-routes.ts";
import { reloadRoutes } from "./routes/reload-routes.ts";
import { tagRoutes } from "./routes/tag-routes.ts";
import { upstreamRoutes } from "./routes/upstream-routes.ts";
import type { Stats } from "./stats.ts";

export interface MetricsAppOptions extends HealthOptions {
  /** Is told every error that became a 500. */
  onError: (error: unknown) => void;
}

export interface AdminAppOptions extends MetricsAppOptions, GuardOptions {
  stats: () => Stats | Promise<Stats>;
  operations: Operations;
  activity: ActivitySource;
  eventStream: EventStream;
  /** The files of the web page. */
  page: Page;
}

/** The face of `admin.listen`: health, metrics, the admin API under `/api/v1`, and the page. */
export function createAdminApp(options: AdminAppOptions): RequestListener {
  const app = createApp();
  app.use("/api/v1", createGuard(options), readJsonBody, apiRoutes(options), notFound);
  app.use(refuseBody, healthRoutes(options), pageRoutes(options));
  return finished(app, options);
}

/** The face of `metrics.listen`: health and metrics, nothing else. */
export function createMetricsApp(options: MetricsAppOptions): RequestListener {
  const app = createApp();
  app.use(refuseBody, healthRoutes(options));
  return finished(app, options);
}

function apiRoutes({ stats, operations, activity, eventStream }: AdminAppOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/stats", async (_request, response) => void response.json(await stats()));
  router.get("/openapi.json", (_request, response) => void response.json(openapiDocument));
  router.all(["/stats", "/openapi.json"], allowOnly("GET"));
  router.use(eventRoutes(activity, eventStream));
  router.use(
    imageRoutes(operations),
    evictionRoutes(operations),
    pinRoutes(operations),
    tagRoutes(operations),
    jobRoutes(operations),
    upstreamRoutes(operations),
    reloadRoutes(operations),
  );
  return router;
}

function createApp(): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag").enable("case sensitive routing").enable("strict routing");
  app.set("query parser", "simple");
  app.use((request, response, next) => {
    response.set({ "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" });
    if (isUnambiguous(request)) next();
    else sendProblem(response, 400, "an absolute request target, or several Host headers");
  });
  return app;
}

const refuseBody: RequestHandler = (request, response, next) => {
  if (hasBody(request)) sendProblem(response, 400, "a body where none belongs");
  else next();
};

function finished(app: Express, { onError }: MetricsAppOptions): RequestListener {
  app.use(notFound);
  app.use(errorFunnel(onError));
  return app;
}

/** Node accepts what two servers could read differently; the Host that is checked must be the one that is meant. */
function isUnambiguous({ url, rawHeaders }: Request): boolean {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  return url.startsWith("/") && hosts.length <= 1;
}
