import { countOf, formatBytes, formatCount, formatTime, shortDigest } from "../../format.js";
import { reasonWords } from "../reasons.js";

/** What has happened, in a sentence. @param {import("../../documents.d.ts").EntrepotEvent} event */
export function eventWords(event) {
  const tell = tellers[event.kind];
  return tell ? tell(event) : event.kind;
}

/** @type {Record<string, (event: Record<string, unknown>) => string>} */
const tellers = {
  "tag-moved": ({ image, from, to }) => `${text(image)} moved ${from ? `from ${digest(from)} ` : ""}to ${digest(to)}`,
  evicted({ image, digest: what, bytes, reason, count }) {
    const name =
      typeof count === "number" && count > 1 ? countOf(count, "entry", "entries") : image ? text(image) : digest(what);
    return `${name} left the store: ${reasonWords(text(reason))}; ${formatBytes(number(bytes))} freed`;
  },
  corrupt: ({ digest: what, where }) =>
    `${text(what)} does not have its digest any more (found while ${finding[text(where)] ?? text(where)})`,
  "upstream-down": ({ upstream, host }) =>
    `${host === upstream ? "" : `${text(host)} of `}${text(upstream)} keeps failing; it is left alone for a while`,
  "upstream-up": ({ upstream, host }) =>
    `${host === upstream ? "" : `${text(host)} of `}${text(upstream)} answers again`,
  "quota-low": ({ upstream, limit, remaining, resetAt }) => {
    const reset = typeof resetAt === "string" ? `; full again at ${formatTime(resetAt)}` : "";
    return `${text(upstream)} allows ${formatCount(number(remaining))} more pulls of ${formatCount(number(limit))}${reset}`;
  },
};

/** @type {Record<string, string>} */
const finding = {
  serving: "serving it",
  scrub: "the store was checked in the background",
  verify: "the store was verified",
  reconcile: "files and index were compared",
};

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : "?";
}

/** @param {unknown} value */
function number(value) {
  return typeof value === "number" ? value : 0;
}

/** @param {unknown} value */
function digest(value) {
  return shortDigest(text(value));
}
