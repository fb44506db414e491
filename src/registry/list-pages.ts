import { RegistryError } from "../oci/index.ts";

/** The most that one page may ask for (CVE-2023-2253: a page size from outside must not decide how much is allocated). */
const maxPageSize = 10_000;

export interface Page {
  items: string[];
  /** The last item of this page, where there are more behind it. */
  nextAfter: string | undefined;
}

/** The page size in the query; undefined where there is none. @throws RegistryError NAME_INVALID */
export function parsePageSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new RegistryError("NAME_INVALID", "`n` must be a whole number, 0 or more");
  return Math.min(Number(text), maxPageSize);
}

/** At most `size` items that sort after `last` (distribution-spec, "Listing Tags"): byte order, `last` exclusive, 0 gives none. */
export function pageOf(items: readonly string[], size: number | undefined, last: string | undefined): Page {
  const sorted = [...items].sort(byBytes).filter((item) => last === undefined || byBytes(item, last) > 0);
  if (size === undefined) return { items: sorted, nextAfter: undefined };
  const page = sorted.slice(0, size);
  return { items: page, nextAfter: size > 0 && sorted.length > size ? page.at(-1) : undefined };
}

/** Tags are ASCII, where the order of UTF-16 units is that of the bytes. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
