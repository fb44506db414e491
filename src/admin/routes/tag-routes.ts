import { Router } from "express";
import { formatImageName, type Digest } from "../../oci/index.ts";
import { refreshDocument, tagHistoryDocument } from "../documents.ts";
import { OperationRefused } from "../operation-refused.ts";
import type { Operations } from "../operations.ts";
import { allowOnly, RequestFault } from "../problem.ts";
import { bodyFields, digest, flag, optional, queryFields, taggedImage } from "./fields.ts";

/** `/tag-history`, `/rollback` and `/refresh`: what a tag has named, serving it so again, and asking what it names now. */
export function tagRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/tag-history", (request, response) => {
    const { image } = queryFields(request, { image: taggedImage });
    const history = operations.tagHistory(image);
    if (!history) throw new OperationRefused(404, `the tag ${formatImageName(image)} is not known here`);
    response.json(tagHistoryDocument(image, history));
  });
  router.post("/rollback", async (request, response) => {
    const wanted = bodyFields(request, { image: taggedImage, digest: optional(digest), release: optional(flag) });
    const target = targetOf(wanted);
    await operations.rollback(wanted.image, target);
    response.json({ image: formatImageName(wanted.image), held: target === "release" ? null : target });
  });
  router.post("/refresh", async (request, response) => {
    const { image } = bodyFields(request, { image: taggedImage });
    response.json(refreshDocument(image, await operations.refresh(image)));
  });
  router.all("/tag-history", allowOnly("GET"));
  router.all(["/rollback", "/refresh"], allowOnly("POST"));
  return router;
}

interface Wanted {
  digest: Digest | undefined;
  release: boolean | undefined;
}

function targetOf({ digest: target, release }: Wanted): Digest | "release" {
  if (target === undefined && release === true) return "release";
  if (target !== undefined && release !== true) return target;
  throw new RequestFault(400, "say either digest, to serve that one, or release: true, to follow the upstream again");
}
