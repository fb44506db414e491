import { Router } from "express";
import { CursorInvalid, imageSorts, type ImageSort } from "../../inventory/index.ts";
import { formatImageName, parsePlatform } from "../../oci/index.ts";
import { imageDetailDocument, imageDocument, type ImagesDocument } from "../documents/images.ts";
import { OperationRefused } from "../operation-refused.ts";
import type { Operations } from "../operations.ts";
import { allowOnly, RequestFault } from "../problem.ts";
import { flagInWords, image, optional, pageLimit, queryFields, word, oneOf, type FieldReader } from "./fields.ts";

const orders = ["asc", "desc"] as const;

/** `/images` and `/image`: what is here, as a list and one by one. */
export function imageRoutes(operations: Operations): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/images", async (request, response) => {
    const { pinned, offlineReady, platform, sort, order, limit, ...asked } = queryFields(request, {
      q: optional(word),
      upstream: optional(word),
      pinned: optional(flagInWords),
      offlineReady: optional(flagInWords),
      platform: optional(platformsByComma),
      sort: optional(oneOf<ImageSort>(imageSorts)),
      order: optional(oneOf(orders)),
      limit: optional(pageLimit),
      cursor: optional(word),
    });
    const page = await validCursor(
      operations.images({
        ...asked,
        isPinned: pinned,
        isOfflineReady: offlineReady,
        platforms: platform,
        sort: sort ?? "name",
        isDescending: order === "desc",
        limit: limit ?? 100,
      }),
    );
    const { items, nextCursor = null, total } = page;
    response.json({ items: items.map(imageDocument), nextCursor, total } satisfies ImagesDocument);
  });
  router.get("/image", async (request, response) => {
    const { image: name } = queryFields(request, { image });
    const view = await operations.image(name);
    if (!view) {
      throw new OperationRefused(404, `${formatImageName(name)} is not stored: /api/v1/explain says if it ever was`);
    }
    response.json(imageDetailDocument(view));
  });
  router.all(["/images", "/image"], allowOnly("GET"));
  return router;
}

const platformsByComma: FieldReader<string[]> = (value, name) => {
  const given = word(value, name).split(",");
  const canonical = given.map(parsePlatform).filter((platform) => platform !== undefined);
  if (canonical.length === given.length) return [...new Set(canonical)];
  throw new RequestFault(400, `${name} must be a platform such as linux/amd64, or several with commas between them`);
};

async function validCursor<T>(page: Promise<T>): Promise<T> {
  try {
    return await page;
  } catch (error) {
    throw error instanceof CursorInvalid ? new RequestFault(400, error.message) : error;
  }
}
