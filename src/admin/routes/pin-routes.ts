import { Router, type Request } from "express";
import { pinDocument, type ListDocument, type PinDocument } from "../documents.ts";
import { OperationRefused } from "../operation-refused.ts";
import type { Operations } from "../operations.ts";
import { allowOnly, RequestFault } from "../problem.ts";
import { bodyFields, imagePattern, optional, platforms, queryFields } from "./fields.ts";

/** `/pins`: what is never evicted. */
export function pinRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/pins", (request, response) => {
    queryFields(request, {});
    const pins: ListDocument<PinDocument> = { items: operations.pins().map(pinDocument), nextCursor: null };
    response.json(pins);
  });
  router.post("/pins", async (request, response) => {
    const pin = bodyFields(request, { image: imagePattern, platforms });
    await operations.putPin(pin.image, pin.platforms);
    response.json(pinDocument({ ...pin, origin: "api" }));
  });
  router.delete("/pins", async (request, response) => {
    const image = imageToUnpin(request);
    const outcome = await operations.dropPin(image);
    if (outcome === "absent") throw new OperationRefused(404, `there is no pin ${image}`);
    if (outcome === "from-config") {
      throw new OperationRefused(409, `the pin ${image} is of the configuration: take it out of \`pins\` there`);
    }
    response.json({ image });
  });
  router.all("/pins", allowOnly("GET", "POST", "DELETE"));
  return router;
}

/** Not every client can send a body with DELETE. */
function imageToUnpin(request: Request): string {
  const { image: inQuery } = queryFields(request, { image: optional(imagePattern) });
  const { image: inBody } = bodyFields(request, { image: optional(imagePattern) });
  if (inQuery !== undefined && inBody !== undefined) {
    throw new RequestFault(400, "say image in the body or in the query, not in both");
  }
  return inQuery ?? inBody ?? imagePattern(undefined, "image");
}
