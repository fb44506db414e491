import { Router } from "express";
import type { EvictionReport } from "../../eviction/index.ts";
import { formatImageName, type ImageName } from "../../oci/index.ts";
import { evictionDocument, explanationDocument } from "../documents.ts";
import { OperationRefused } from "../operation-refused.ts";
import type { Operations } from "../operations.ts";
import { allowOnly, RequestFault } from "../problem.ts";
import { bodyFields, byteCount, byteCountInDigits, flag, image, optional, queryFields, subject } from "./fields.ts";

/** `/explain`, `/eviction/plan` and `/evict`: why something is kept, what goes next, and letting it go now. */
export function evictionRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/explain", async (request, response) => {
    const asked = queryFields(request, { subject }).subject;
    const explanation = await operations.explain(asked);
    if (!explanation) throw neverHeardOf(asked);
    response.json(explanationDocument(asked, explanation));
  });
  router.get("/eviction/plan", async (request, response) => {
    const { freeBytes } = queryFields(request, { freeBytes: byteCountInDigits });
    response.json(evictionDocument(await operations.plan(freeBytes)));
  });
  router.post("/evict", async (request, response) => {
    const wanted = bodyFields(request, {
      image: optional(image),
      freeBytes: optional(byteCount),
      dryRun: optional(flag),
    });
    response.json(evictionDocument(await evict(operations, wanted)));
  });
  router.all(["/explain", "/eviction/plan"], allowOnly("GET"));
  router.all("/evict", allowOnly("POST"));
  return router;
}

interface Wanted {
  image: ImageName | undefined;
  freeBytes: number | undefined;
  dryRun: boolean | undefined;
}

async function evict(operations: Operations, { image, freeBytes, dryRun = false }: Wanted): Promise<EvictionReport> {
  if (image !== undefined && freeBytes === undefined) {
    const report = await operations.evictImage(image, dryRun);
    if (report === "absent") throw new OperationRefused(404, `${formatImageName(image)} is not here`);
    return report;
  }
  if (freeBytes === undefined || image !== undefined) {
    throw new RequestFault(400, "say either image, to evict one, or freeBytes, to make room");
  }
  return dryRun ? operations.plan(freeBytes) : operations.evictBytes(freeBytes);
}

function neverHeardOf(asked: ImageName | string): OperationRefused {
  const name = typeof asked === "string" ? asked : formatImageName(asked);
  return new OperationRefused(404, `${name} is not here, and never was as far as is known`);
}
