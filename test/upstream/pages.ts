/** How a list is cut into pages. May be changed at any time. */
export interface Paging {
  /** The most entries of one page, whatever `n` asks for; undefined: no limit of its own. */
  pageSize?: number | undefined;
  /** `last`: the next page begins after the `last` parameter. `opaque`: a cursor of the upstream's own making. */
  cursor?: "last" | "opaque";
  link?: "relative" | "absolute";
}

export interface PageRequest {
  path: string;
  query: URLSearchParams;
  /** Scheme and authority of this upstream, for absolute links. */
  ownUrl: string;
}

export interface Page {
  entries: string[];
  /** Holds `link` where there is a next page (RFC 8288). */
  headers: Record<string, string>;
}

const opaqueKey = "next_page";

/** The page of `sorted` (keys in order) that was asked for; distribution-spec, "Listing Tags": `last` is exclusive, `n=0` is empty. */
export function pageOf(sorted: string[], request: PageRequest, paging: Paging): Page {
  const asked = request.query.has("n") ? Number(request.query.get("n")) : Infinity;
  const size = Math.min(asked, paging.pageSize ?? Infinity);
  const after = cursorOf(request.query);
  const rest = after === undefined ? sorted : sorted.filter((key) => key > after);
  const entries = rest.slice(0, size);
  const last = entries.at(-1);
  if (last === undefined || entries.length === rest.length) return { entries, headers: {} };
  return { entries, headers: { link: `<${nextUrl(request, paging, last)}>; rel="next"` } };
}

function cursorOf(query: URLSearchParams): string | undefined {
  const opaque = query.get(opaqueKey);
  if (opaque !== null) return Buffer.from(opaque, "base64url").toString();
  return query.get("last") ?? undefined;
}

function nextUrl(request: PageRequest, paging: Paging, last: string): string {
  const query = new URLSearchParams(request.query);
  query.delete("last");
  if (paging.cursor === "opaque") query.set(opaqueKey, Buffer.from(last).toString("base64url"));
  else query.set("last", last);
  return `${paging.link === "absolute" ? request.ownUrl : ""}${request.path}?${query.toString()}`;
}
