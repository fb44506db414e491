import { Router } from "express";
import { allowOnly } from "./problem.ts";

/** Whether pulls can be served, and if not, why, in words for people. */
export interface Readiness {
  ready: boolean;
  reasons: string[];
}

export interface HealthOptions {
  readiness: () => Readiness;
  metrics: { render(): Promise<{ contentType: string; body: string }> };
}

/** `/healthz`, `/readyz` and `/metrics`: what orchestrators and Prometheus ask for, never with a token. */
export function healthRoutes({ readiness, metrics }: HealthOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/healthz", (_request, response) => void response.type("text/plain").send("ok"));
  router.get("/readyz", (_request, response) => {
    const { ready, reasons } = readiness();
    response.status(ready ? 200 : 503).json({ ready, reasons });
  });
  router.get("/metrics", async (_request, response) => {
    const { contentType, body } = await metrics.render();
    // Not `set`: Express would add a charset of its own.
    response.setHeader("Content-Type", contentType);
    response.send(Buffer.from(body));
  });
  router.all(["/healthz", "/readyz", "/metrics"], allowOnly("GET"));
  return router;
}
