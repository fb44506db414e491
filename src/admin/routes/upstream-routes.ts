import { Router } from "express";
import type { ListDocument } from "../documents.ts";
import { upstreamDocument, type UpstreamDocument } from "../documents/upstreams.ts";
import type { Operations } from "../operations.ts";
import { allowOnly } from "../problem.ts";
import { queryFields } from "./fields.ts";

/** `/upstreams`: the registries behind us, whether they answer, and what they still allow. */
export function upstreamRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/upstreams", async (request, response) => {
    queryFields(request, {});
    const items = (await operations.upstreams()).map(upstreamDocument);
    response.json({ items, nextCursor: null } satisfies ListDocument<UpstreamDocument>);
  });
  router.all("/upstreams", allowOnly("GET"));
  return router;
}
