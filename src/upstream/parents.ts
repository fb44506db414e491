import { parseHops, type Hops } from "../chain/index.ts";
import { pathForm } from "../config/index.ts";
import type { RepositoryName } from "../oci/index.ts";
import { headerOf, type AnswerHeaders } from "./answer.ts";
import type { EndpointSettings, ParentSettings } from "./settings.ts";

/** What a cache says of an answer that came through it; there is no such thing where a registry answered. */
export interface ParentSaid {
  /** Its members of Cache-Status, those of the caches behind it before its own. */
  hops: string;
  /** Seconds since the registry confirmed what it says (RFC 9111 section 5.1). */
  ageSeconds: number;
  /** Where it is not the registry's latest as far as the cache knows: its reason, `""` where it gives none. */
  staleBecause: string | undefined;
}

const maxAgeSeconds = 2 ** 31;
/** What is served although it is known that it may not be the latest, besides what begins with `stale-`. */
const heldDetails = ["offline", "cooldown", "quota-kept-back"];

/** Which of the endpoints is the registry itself: the first that is no parent; -1 where all are. */
export function indexOfOrigin(endpoints: readonly Pick<EndpointSettings, "parent">[]): number {
  return endpoints.findIndex(({ parent }) => parent === undefined);
}

/** The repository as an endpoint knows it. */
export function nameAt(upstream: string, parent: ParentSettings | undefined, repository: RepositoryName): string {
  return parent?.addressing === "path" ? `${pathForm(upstream)}/${repository}` : repository;
}

/** Tells a parent in the query which upstream is meant. */
export function addNamespace(url: URL, upstream: string, parent: ParentSettings | undefined): URL {
  if (parent?.addressing === "ns") url.searchParams.set("ns", upstream);
  return url;
}

/** What a cache has written into an answer, whoever that is and however far to be believed. */
export function hopsOf(headers: AnswerHeaders): Hops | undefined {
  const values = headers.get("cache-status");
  return values && parseHops(values.join(","));
}

/** @param answer.hops - Of a parent; undefined where a registry answered, or a gateway in between. */
export function parentSaid({
  hops,
  headers,
}: {
  hops: Hops | undefined;
  headers: AnswerHeaders;
}): ParentSaid | undefined {
  if (!hops) return undefined;
  const age = headerOf(headers, "age")?.trim() ?? "";
  return {
    hops: hops.text,
    ageSeconds: /^\d{1,12}$/.test(age) ? Math.min(Number(age), maxAgeSeconds) : 0,
    staleBecause: staleReasonOf(headers, hops),
  };
}

/** What the cache says itself; else 110 and 111 of Warning (RFC 7234 section 5.5). That it has expired there says nothing of the registry. */
function staleReasonOf(headers: AnswerHeaders, { detail = "" }: Hops): string | undefined {
  const isSaid = detail.startsWith("stale-") || heldDetails.includes(detail);
  const isStale = isSaid || /^\s*11[01]\b/.test(headerOf(headers, "warning") ?? "");
  return isStale ? detail.replace(/^stale-/, "") : undefined;
}
