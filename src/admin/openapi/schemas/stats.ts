import { clientFamilies, outcomes } from "../../../telemetry/index.ts";
import { count, described, flag, list, object, oneOf, orNull, page, ref, text, time, type Schema } from "../schema.ts";

const fill = object({
  digest: ref("Digest"),
  upstream: text,
  repository: text,
  bytes: count,
  totalBytes: orNull(count),
  readers: count,
  startedAt: time,
});

const historyPoint = object({
  at: time,
  requests: count,
  hits: count,
  stale: count,
  filled: count,
  errors: count,
  servedBytes: count,
  savedBytes: count,
  fetchedBytes: count,
});

function byName(names: readonly string[], schema: Schema): Schema {
  return object(Object.fromEntries(names.map((name) => [name, schema])));
}

export const statsSchemas: Readonly<Record<string, Schema>> = {
  Stats: object({
    version: text,
    startedAt: time,
    uptimeSeconds: count,
    requests: object({ total: count, byOutcome: byName(outcomes, count) }),
    requestsByClient: byName(clientFamilies, object({ requests: count, lastAt: orNull(time) })),
    servedBytes: count,
    fetchedBytes: count,
    savedBytes: count,
    store: object({
      bytes: count,
      maxBytes: count,
      reservedBytes: count,
      freeBytes: count,
      blobs: count,
      manifests: count,
      tags: count,
      repositories: count,
      isPassthrough: flag,
    }),
    flights: object({ running: count, followers: count }),
    listen: object({ pull: list(text) }),
    offline: object({ readyTags: count, incompleteTags: count, countedAt: orNull(time) }),
    upstreams: list(object({ name: text, requests: count, fetchedBytes: count })),
  }),
  Activity: object({
    fills: described(list(fill, { maxItems: 100 }), "What is being pulled now, the oldest first"),
    history: object({
      stepSeconds: count,
      points: described(list(historyPoint), "Increments per step of the last day; the last step is not over"),
    }),
  }),
  Upstreams: page(ref("Upstream")),
  Upstream: object({
    name: text,
    isDefault: flag,
    offline: flag,
    push: oneOf("deny", "passthrough"),
    endpoints: list(
      object({
        host: text,
        isOrigin: flag,
        breaker: described(oneOf("closed", "open", "probing"), "`probing`: the next request tells if it is back"),
        openUntil: orNull(time),
      }),
    ),
    quota: object({
      limit: orNull(count),
      remaining: orNull(count),
      resetAt: orNull(time),
      source: orNull(text),
      isLow: flag,
      limitedUntil: orNull(time),
      pulls: count,
    }),
    requests: count,
    fetchedBytes: count,
    savedBytes: count,
    failures: described(count, "Requests without an answer, or with a 5xx"),
  }),
  Readiness: object({ ready: flag, reasons: list(text) }),
};
