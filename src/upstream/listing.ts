import { isDigest, mediaTypes, parseTag, type Digest, type RepositoryName } from "../oci/index.ts";
import { discard, isHtml } from "./answer.ts";
import type { EndpointAnswer, Question } from "./endpoint.ts";
import { askInOrder } from "./endpoints.ts";
import { nextPageOf } from "./link.ts";
import { parentSaid, type ParentSaid } from "./parents.ts";
import type { Onward, ReferrerListing, RequestOptions, TagListing } from "./upstream.ts";
import { askFor, judge, readAnswer, refuseUnusable, unusable, type Asking } from "./question.ts";

const maxPageBytes = 4 * 1024 * 1024;
const maxPages = 100;
const maxTags = 10_000;
const maxReferrers = 1000;

/** All tags over all pages (distribution-spec end-8), without those outside the grammar; from the origin, else a mirror. */
export function listTags(
  asking: Asking,
  repository: RepositoryName,
  options: RequestOptions,
): Promise<TagListing | undefined> {
  const question = listQuestion("tags", repository, "tags/list?n=1000", options);
  return askInOrder(asking, question, options, async (endpoint) => {
    const tags = new Set<string>();
    const ask = (page: Question) => askFor(asking, endpoint, page, { accepted: [200, 404], signal: options.signal });
    const pages = await readPages(asking, question, ask, (document) => {
      const list = document["tags"] ?? [];
      if (!Array.isArray(list)) return "bad";
      for (const tag of list) if (typeof tag === "string" && parseTag(tag) && tags.size <= maxTags) tags.add(tag);
      return tags.size > maxTags ? "enough" : "more";
    });
    return pages && { tags: [...tags].slice(0, maxTags), ...pages };
  });
}

/** The descriptors of all referrers over all pages (distribution-spec end-12), at most 1,000; undefined without a referrers API. */
export function listReferrers(
  asking: Asking,
  repository: RepositoryName,
  digest: Digest,
  options: RequestOptions,
): Promise<ReferrerListing | undefined> {
  const question = listQuestion("referrers", repository, `referrers/${digest}`, options);
  return askInOrder(asking, question, options, async (endpoint) => {
    const descriptors: Record<string, unknown>[] = [];
    const ask = async (page: Question) => {
      const answer = await endpoint.ask(page, options.signal);
      return hasNoReferrersApi(answer)
        ? { ...answer, status: 404 }
        : judge(asking, endpoint, page, answer, { accepted: [200], signal: options.signal });
    };
    const pages = await readPages(asking, question, ask, (document) => {
      const list = document["manifests"];
      if (!Array.isArray(list)) return "bad";
      descriptors.push(...list.filter(isDescriptor));
      return descriptors.length > maxReferrers ? "enough" : "more";
    });
    return pages && { manifests: descriptors.slice(0, maxReferrers), parent: pages.parent };
  });
}

/** What a page's document means for the listing: it is not one, it is full, or the next page is wanted. */
type PageVerdict = "bad" | "enough" | "more";

interface Pages {
  /** Whether all of them were read. */
  isComplete: boolean;
  /** Of the page that is oldest. */
  parent: ParentSaid | undefined;
}

/** Reads page after page; undefined where the first is absent. */
async function readPages(
  asking: Asking,
  first: Question,
  ask: (page: Question) => Promise<EndpointAnswer>,
  accept: (document: Record<string, unknown>) => PageVerdict,
): Promise<Pages | undefined> {
  let question = first;
  let parent: ParentSaid | undefined;
  for (let page = 1; page <= maxPages; page += 1) {
    const answer = await ask(question);
    if (answer.status === 404) {
      discard(answer);
      return page === 1 ? undefined : { isComplete: false, parent };
    }
    parent = olderOf(parent, parentSaid(answer));
    const verdict = accept(await readDocument(asking, answer, question));
    if (verdict === "bad") throw unusable(asking, answer, question, "with something else");
    const next = nextPageOf(answer.headers, answer.url);
    if (next.kind === "none") return { isComplete: verdict === "more", parent };
    if (next.kind === "refused" || verdict === "enough") break;
    question = { ...first, path: (first.path.split("?", 1)[0] ?? "") + next.search };
  }
  return { isComplete: false, parent };
}

/** A list is as old as its oldest page, and stale where one of them is. */
function olderOf(one: ParentSaid | undefined, other: ParentSaid | undefined): ParentSaid | undefined {
  if (!one || !other) return one ?? other;
  const ageSeconds = Math.max(one.ageSeconds, other.ageSeconds);
  return { ...other, ageSeconds, staleBecause: one.staleBecause ?? other.staleBecause };
}

async function readDocument(
  asking: Asking,
  answer: EndpointAnswer,
  question: Question,
): Promise<Record<string, unknown>> {
  refuseUnusable(asking, answer, question);
  const bytes = await readAnswer(asking, answer, question, maxPageBytes);
  try {
    const document: unknown = JSON.parse(bytes.toString("utf8"));
    if (isRecord(document)) return document;
  } catch {
    // Refused below, without its text.
  }
  throw unusable(asking, answer, question, "with something that is not a JSON object");
}

/** 404, or a redirect out of the registry to a web page or a refusal (ghcr.io), or a registry that knows no such path. */
function hasNoReferrersApi({ status, headers, isElsewhere }: EndpointAnswer): boolean {
  const isMissing = status === 404 || status === 405 || status === 501;
  const isWebPage = isHtml(headers) && status < 500;
  return isMissing || isWebPage || (isElsewhere && status >= 400 && status < 500);
}

function listQuestion(kind: "tags" | "referrers", repository: RepositoryName, path: string, onward: Onward): Question {
  const accept = kind === "tags" ? "application/json" : mediaTypes.ociIndex;
  return { kind, method: "GET", repository, path, headers: { accept }, onward };
}

function isDescriptor(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && typeof value["digest"] === "string" && isDigest(value["digest"]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
