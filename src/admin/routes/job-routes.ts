import { Router, type Request, type Response } from "express";
import { jobDocument } from "../documents.ts";
import type { Job } from "../jobs.ts";
import { OperationRefused } from "../operation-refused.ts";
import type { Operations } from "../operations.ts";
import { allowOnly } from "../problem.ts";
import { absolutePath, bodyFields, optional } from "./fields.ts";
import { images, imagesAtOnce, wantedPlatforms } from "./warm-fields.ts";

const defaultParallel = 3;

/** `/verify`, `/backup` and `/warm`, which go on behind their answers, and `/jobs/{id}`, which says how far they are. */
export function jobRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.post("/verify", (request, response) => {
    bodyFields(request, {});
    sendStarted(response, operations.startVerify());
  });
  router.post("/backup", (request, response) => {
    const { directory } = bodyFields(request, { directory: absolutePath });
    sendStarted(response, operations.startBackup(directory));
  });
  router.post("/warm", (request, response) => {
    const { parallel = defaultParallel, ...wanted } = bodyFields(request, {
      images,
      platforms: wantedPlatforms,
      parallel: optional(imagesAtOnce),
    });
    sendStarted(response, operations.startWarm({ parallel, ...wanted }));
  });
  router.get("/jobs/:id", (request: Request<{ id: string }>, response) => {
    response.json(jobDocument(findJob(operations, request.params.id)));
  });
  // A job that had ended is left as it is, and told as it is: whoever cancels wants it not to run.
  router.delete("/jobs/:id", (request: Request<{ id: string }>, response) => {
    const { id } = findJob(operations, request.params.id);
    bodyFields(request, {});
    response.status(operations.cancelJob(id) ? 202 : 200).json(jobDocument(findJob(operations, id)));
  });
  router.all(["/verify", "/backup", "/warm"], allowOnly("POST"));
  router.all("/jobs/:id", allowOnly("GET", "DELETE"));
  return router;
}

function sendStarted(response: Response, { id }: Job): void {
  response.status(202).set("Location", `/api/v1/jobs/${id}`).json({ id });
}

function findJob(operations: Operations, id: string): Job {
  const job = operations.job(id);
  if (!job) throw new OperationRefused(404, "there is no such job; the last 50 since the start are kept");
  return job;
}
