import type { Refreshed } from "../cache/index.ts";

type Why = NonNullable<Refreshed["why"]>;

/** Why a refresh has come to what it has, in words for people. */
export const refreshWords: Readonly<Record<Why, string>> = {
  "rolled-back": "it is rolled back to this version, and follows the upstream again once that is released",
  cooldown: "it has moved upstream, and tags.cooldown has not passed since",
  "quota-kept-back": "it has moved upstream, which allows few more pulls: these are kept for what is not stored at all",
  "upstream-gone":
    "the upstream does not have it any more; tags.onGone, tags.goneGrace and tags.staleFor say how long it is served",
  "not-stored": "it has moved upstream, and the new version could not be stored: the log says why",
  "from-mirror": "a mirror has answered, as the origin fails",
  "upstream-unreachable": "the upstream cannot be reached",
  "upstream-timeout": "the upstream does not answer in time",
  "upstream-error": "the upstream gave an answer that cannot be used",
  "upstream-rate-limited": "the upstream limits the rate of requests",
  "upstream-denied": "the upstream refuses access",
  "upstream-slow": "the upstream is slow",
  offline: "the upstream is offline by configuration",
  "stale-at-parent": "the parent cache has not confirmed it with the registry",
};
