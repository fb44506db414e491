import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access } from "../access/index.ts";
import { withHops } from "../chain/index.ts";
import type { BlobAnswer, BlobReader, Cache, ManifestAnswer, Target } from "../cache/index.ts";
import { formatReference, mediaTypes, parseTag, RegistryError, type Digest, type Reference } from "../oci/index.ts";
import type { ClientLimits } from "./client-limits.ts";
import type { Exchange } from "./exchange.ts";
import type { HotAnswers, HotPlace } from "./hot-answers.ts";
import { ageHeaders, cacheStatus, commonHeaders, entityTag, sendBytes, type Headers } from "./headers.ts";
import { internalUri, type Offload } from "./offload.ts";
import { pageOf, parsePageSize } from "./list-pages.ts";
import { ifNoneMatchMatches, ifRangeAllows, parseRange } from "./range-header.ts";
import { formatRoute, type Route } from "./route.ts";
import { sendBody, type ReaderLimits } from "./send-body.ts";
import type { RequestTarget } from "./target.ts";

/** One request that has been understood: what is asked for, of which repository of which upstream. */
export interface PullRequest {
  request: IncomingMessage;
  response: ServerResponse;
  exchange: Exchange;
  query: RequestTarget["query"];
  target: Target;
  /** Where the request is a plain one, what it is kept by. */
  hot: HotPlace | undefined;
  /** A tag is not believed without the upstream's word: the client decides by it what it need not push. */
  mustCheck: boolean;
}

export interface PullPorts {
  cache: Cache;
  access: Pick<Access, "refuseDigest" | "isDenied" | "addressOf">;
  clientLimits: ClientLimits;
  offload: Offload;
  readerLimits: ReaderLimits;
  hotAnswers: HotAnswers;
}

/** Answers GET and HEAD of manifests. Range is ignored here: a manifest is small, and clients hash it whole. */
export async function pullManifest(ports: PullPorts, pull: PullRequest, reference: Reference): Promise<void> {
  const { request, response, exchange, target } = pull;
  exchange.reference = formatReference(reference);
  const method = methodOf(request);
  const answer = await ports.cache.manifest(target, reference, { method, mustCheck: mustCheck(pull) });
  ports.access.refuseDigest(answer.digest);
  exchange.outcome = answer.outcome;
  const headers = { ...identityHeaders(answer.digest), ...ageHeaders(answer) };
  if (ifNoneMatchMatches(request.headers["if-none-match"], entityTag(answer.digest))) {
    sendBytes(response, exchange, 304, headers, undefined);
    return;
  }
  const typed = { ...headers, "Content-Type": answer.mediaType, "Content-Length": answer.size };
  sendBytes(response, exchange, 200, typed, method === "HEAD" ? undefined : bytesOf(answer));
  if (answer.outcome === "hit" && answer.flag === undefined && answer.hops === undefined) {
    const content = { kind: "manifest", method, digest: answer.digest } as const;
    ports.hotAnswers.remember(pull, { content, size: answer.size, age: answer.age, headers: typed });
  }
}

/** Answers GET and HEAD of blobs, whole or in part (RFC 9110 section 14). */
export async function pullBlob(ports: PullPorts, pull: PullRequest, digest: Digest): Promise<void> {
  const { request, response, exchange, target } = pull;
  exchange.reference = digest;
  const isMatched = ifNoneMatchMatches(request.headers["if-none-match"], entityTag(digest));
  // Whoever has the bytes already needs none: to know that the blob is there is enough (RFC 9110 section 13.2.2).
  const method = isMatched ? "HEAD" : methodOf(request);
  const isRange = method === "GET" && ifRangeAllows(request.headers["if-range"], entityTag(digest));
  const range = isRange ? parseRange(request.headers.range) : undefined;
  const answer = await ports.cache.blob(target, digest, {
    ...{ method, range, signal: exchange.signal },
    enterFill: (wait) => ports.clientLimits.enterFill(ports.access.addressOf(request), wait),
  });
  if (answer.outcome === "unsatisfiable") {
    exchange.outcome = "refused";
    sendBytes(response, exchange, 416, { "Content-Range": `bytes */${answer.size}`, "Content-Length": 0 }, undefined);
    return;
  }
  exchange.outcome = answer.outcome;
  try {
    if (isMatched) sendBytes(response, exchange, 304, blobHeaders(answer), undefined);
    else await sendBlob(ports, pull, answer);
    if (answer.outcome === "hit" && !answer.isPartial && !isMatched) {
      const content = { kind: "blob", method, digest } as const;
      ports.hotAnswers.remember(pull, { content, size: answer.size, headers: contentHeaders(answer) });
    }
  } finally {
    await answer.reader?.close();
  }
}

function blobHeaders(answer: BlobAnswer): Headers {
  return { ...cachedHeaders(answer), "Accept-Ranges": "bytes" };
}

function cachedHeaders({ digest, outcome, hops }: BlobAnswer): Headers {
  return { ...identityHeaders(digest), "Cache-Status": withHops(hops, cacheStatus(outcome)) };
}

function contentHeaders(answer: BlobAnswer): Headers {
  const { start, end } = answer;
  return { ...blobHeaders(answer), "Content-Type": "application/octet-stream", "Content-Length": end - start };
}

/** Whether the client wants the upstream's word (RFC 9111 section 5.2.1.4). */
function mustCheck({ request, mustCheck: isPushing }: PullRequest): boolean {
  return isPushing || /(^|,)\s*no-cache\s*(,|$)/i.test(request.headers["cache-control"] ?? "");
}

/**
 * Leaves the bytes to the nginx in front, which makes of the whole blob the range that it was asked for. Counted is what was
 * announced: what has become of it only nginx knows.
 */
function sendPlace({ response, exchange }: PullRequest, answer: BlobAnswer, path: string): void {
  exchange.offload = "sent";
  const headers = {
    ...cachedHeaders(answer),
    // Of a whole body nginx says it itself, and would pass ours on beside it.
    ...(answer.isPartial && { "Accept-Ranges": "bytes" }),
    "Content-Type": "application/octet-stream",
    "X-Accel-Redirect": internalUri(path),
    "Content-Length": 0,
  };
  sendBytes(response, exchange, 200, headers, undefined);
  exchange.bytes += answer.end - answer.start;
}

async function sendBlob(ports: PullPorts, pull: PullRequest, answer: BlobAnswer): Promise<void> {
  const { request, response, exchange } = pull;
  const { start, end, size, isPartial, reader } = answer;
  if (response.destroyed) return;
  if (ports.offload.isAskedAgain(request)) exchange.offload = "failed";
  if (answer.handOver && ports.offload.isFor(request)) {
    sendPlace(pull, answer, answer.handOver());
    return;
  }
  response.writeHead(isPartial ? 206 : 200, {
    ...commonHeaders(exchange),
    ...contentHeaders(answer),
    ...(isPartial && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
  });
  if (reader) await sendReader(pull, reader, { start, end }, ports.readerLimits);
  else response.end();
}

/** The rest of an answer whose header is written. */
export async function sendReader(
  { response, exchange }: Pick<PullRequest, "response" | "exchange">,
  reader: BlobReader,
  span: { start: number; end: number },
  limits: ReaderLimits,
): Promise<void> {
  // The first bytes may keep their client waiting; and a body that breaks off must have begun.
  response.flushHeaders();
  // A client that leaves ends its own wait for bytes, and nothing else.
  response.once("close", () => void reader.close().catch(() => undefined));
  await sendBody(response, reader, span, limits, (count) => {
    exchange.firstByteAt ??= performance.now();
    exchange.bytes += count;
  });
  response.end();
}

/** Answers a tag list; pages are cut here, so that the upstream's own cursors never reach a client. */
export async function pullTags(
  ports: PullPorts,
  pull: PullRequest,
  route: Extract<Route, { kind: "tags" }>,
): Promise<void> {
  const { request, response, exchange, target, query } = pull;
  const size = parsePageSize(query.get("n"));
  const last = query.get("last");
  if (last !== undefined && last !== "" && !parseTag(last)) {
    throw new RegistryError("NAME_INVALID", "`last` must be a tag");
  }
  const answer = await ports.cache.tags(target, { mustCheck: mustCheck(pull) });
  exchange.outcome = answer.outcome;
  const { items, nextAfter } = pageOf(answer.tags, size, last === "" ? undefined : last);
  const body = Buffer.from(JSON.stringify({ name: target.repository, tags: items }));
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": body.length,
    ...ageHeaders(answer),
    ...(!answer.isComplete && {
      Warning: '299 - "the registry has more tags than the first 10000, which are listed here"',
    }),
    ...(nextAfter !== undefined && { Link: `<${nextPage(route, size, nextAfter, exchange.namespace)}>; rel="next"` }),
  };
  sendBytes(response, exchange, 200, headers, methodOf(request) === "HEAD" ? undefined : body);
}

/** Answers the referrers of a digest as an image index (distribution-spec, "Listing Referrers"). */
export async function pullReferrers(ports: PullPorts, pull: PullRequest, digest: Digest): Promise<void> {
  const { request, response, exchange, target, query } = pull;
  exchange.reference = digest;
  const artifactType = query.get("artifactType");
  const answer = await ports.cache.referrers(target, digest, { mustCheck: mustCheck(pull) });
  exchange.outcome = answer.outcome;
  const isFiltered = artifactType !== undefined && artifactType !== "";
  const allowed = answer.manifests.filter(({ digest }) => !ports.access.isDenied(String(digest)));
  const manifests = isFiltered ? allowed.filter((descriptor) => descriptor["artifactType"] === artifactType) : allowed;
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const headers = {
    "Content-Type": mediaTypes.ociIndex,
    "Content-Length": body.length,
    ...ageHeaders(answer),
    ...(isFiltered && { "OCI-Filters-Applied": "artifactType" }),
  };
  sendBytes(response, exchange, 200, headers, methodOf(request) === "HEAD" ? undefined : body);
}

function nextPage(route: Route, size: number | undefined, last: string, namespace: string | undefined): string {
  const query = new URLSearchParams({ n: String(size), last, ...(namespace !== undefined && { ns: namespace }) });
  return `${formatRoute(route)}?${query.toString()}`;
}

function identityHeaders(digest: Digest): Headers {
  return { "Docker-Content-Digest": digest, ETag: entityTag(digest) };
}

function bytesOf(answer: ManifestAnswer): Buffer {
  if (!answer.bytes) throw new Error("a GET of a manifest was answered without bytes");
  return answer.bytes;
}

function methodOf(request: IncomingMessage): "GET" | "HEAD" {
  return request.method === "HEAD" ? "HEAD" : "GET";
}
