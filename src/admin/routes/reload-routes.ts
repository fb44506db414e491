import { Router } from "express";
import type { Operations } from "../operations.ts";
import { allowOnly } from "../problem.ts";
import { bodyFields } from "./fields.ts";

/** `/reload`: the configuration is read again while the server runs. */
export function reloadRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.post("/reload", async (request, response) => {
    bodyFields(request, {});
    response.json(await operations.reload());
  });
  router.all("/reload", allowOnly("POST"));
  return router;
}
