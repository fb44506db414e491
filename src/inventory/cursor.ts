import type { TagPlace } from "../metadata/index.ts";
import type { ImageQuery } from "./images.ts";

/** The last item of a page: its tag, and what it was sorted by where that is not the name. */
export interface Cursor {
  place: TagPlace;
  value: number;
}

/** The text is no cursor, or one of a list in another order. */
export class CursorInvalid extends Error {
  override readonly name = "CursorInvalid";
  readonly kind = "cursor-invalid";
}

type Order = Pick<ImageQuery, "sort" | "isDescending">;

/** Opaque to clients; holds the order, so that it is not taken for a place in another one. */
export function formatCursor({ place, value }: Cursor, order: Order): string {
  const { upstream, name, tag } = place;
  return Buffer.from(JSON.stringify([orderOf(order), value, upstream, name, tag])).toString("base64url");
}

/** @throws CursorInvalid */
export function parseCursor(text: string, order: Order): Cursor {
  const [of, value, upstream, name, tag] = fieldsOf(text);
  const isCursor = typeof value === "number" && [of, upstream, name, tag].every((field) => typeof field === "string");
  if (!isCursor) throw new CursorInvalid("this is no cursor: take nextCursor of the page before, as it is");
  if (of !== orderOf(order))
    throw new CursorInvalid("the cursor is of a list in another order: begin anew without one");
  return { value, place: { upstream, name, tag } as TagPlace };
}

function orderOf({ sort, isDescending }: Order): string {
  return `${sort} ${isDescending ? "desc" : "asc"}`;
}

function fieldsOf(text: string): unknown[] {
  try {
    const fields: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    return Array.isArray(fields) ? fields : [];
  } catch {
    return [];
  }
}
