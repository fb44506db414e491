import { type AnswerHeaders } from "./answer.ts";

/** One link of a Link header: the target as sent and its parameters (RFC 8288 section 3). */
const linkPattern = /<([^>]*)>((?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+(?:[ \t]*=[ \t]*(?:"[^"]*"|[^\s",;]+))?)*)/g;
const nextPattern = /;[ \t]*rel[ \t]*=[ \t]*(?:"(?:[^"]*[ \t])?next(?:[ \t][^"]*)?"|next(?=[ \t]*(?:;|$)))/i;

/** The query of the next page, "none" where there is none, or "refused" where it is not a page of the same list. */
export type NextPage = { kind: "page"; search: string } | { kind: "none" } | { kind: "refused" };

/**
 * The page after the one that `page` answered with these headers. Only its query is taken, and only if the link leads to
 * the very same list on the same origin: an upstream cannot send us anywhere else with it.
 */
export function nextPageOf(headers: AnswerHeaders, page: URL): NextPage {
  for (const value of headers.get("link") ?? []) {
    for (const [, target = "", parameters = ""] of value.matchAll(linkPattern)) {
      if (!nextPattern.test(parameters)) continue;
      const url = URL.parse(target, page.href);
      const isSameList = url?.origin === page.origin && url.pathname === page.pathname && url.search !== page.search;
      return isSameList ? { kind: "page", search: url.search } : { kind: "refused" };
    }
  }
  return { kind: "none" };
}
