/** What a client asked for. */
export const requestKinds = ["manifest_tag", "manifest_digest", "blob", "tags", "referrers", "ping", "other"] as const;
export type RequestKind = (typeof requestKinds)[number];

/** How a request was answered; the same words in metrics and in the log. */
export const outcomes = ["hit", "stale", "filled", "collapsed", "uncached", "absent", "refused", "error"] as const;
export type Outcome = (typeof outcomes)[number];

/** An upstream's status, in the classes that lead to different measures; `none`: there was no answer. */
export const statusClasses = ["2xx", "3xx", "401", "403", "404", "429", "4xx", "5xx", "none"] as const;
export type StatusClass = (typeof statusClasses)[number];

/** Why bytes went to a client without being kept. */
export const uncachedReasons = ["budget", "no_space", "io", "database", "range"] as const;
export type UncachedReason = (typeof uncachedReasons)[number];

/** Why content left the store. */
export const evictionReasons = ["budget", "min_free", "watermark", "orphan", "operator"] as const;
export type EvictionReason = (typeof evictionReasons)[number];

/** What has become of an event that a webhook was to be told of. */
export const deliveryResults = ["delivered", "failed", "dropped"] as const;
export type DeliveryResult = (typeof deliveryResults)[number];

/** What has become of a file that the nginx in front was to send. */
export const offloadResults = ["sent", "failed"] as const;
export type OffloadResult = (typeof offloadResults)[number];

const ownClasses: readonly string[] = ["401", "403", "404", "429"];

/** The class of an HTTP status; undefined stands for no answer. */
export function statusClass(status: number | undefined): StatusClass {
  if (status === undefined || status < 200 || status > 599) return "none";
  if (ownClasses.includes(String(status))) return String(status) as StatusClass;
  return `${Math.floor(status / 100)}xx` as StatusClass;
}
