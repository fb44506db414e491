import { isHost } from "../host.ts";
import type { Challenge } from "./challenge.ts";

/**
 * Token services of the default upstreams that are not on the registry's own host, by the host of the endpoint.
 * They belong to the endpoint's host and not to the upstream's name, so that a mirror's credentials stay with the mirror.
 */
const knownTokenHosts: ReadonlyMap<string, readonly string[]> = new Map([
  ["registry-1.docker.io", ["auth.docker.io"]],
  ["index.docker.io", ["auth.docker.io"]],
  ["docker.io", ["auth.docker.io"]],
  ["nvcr.io", ["authn.nvidia.com"]],
  ["registry.gitlab.com", ["gitlab.com"]],
  ["docker.elastic.co", ["docker-auth.elastic.co"]],
]);

/** Where a token may be asked for, or why nowhere. */
export type RealmVerdict = { isAllowed: true; url: URL; isGuarded: boolean } | { isAllowed: false; reason: string };

/**
 * Judges the realm of a Bearer challenge before any request goes there (CVE-2026-33540): https, or http where the
 * endpoint itself is http on that same host; on the endpoint's own host, a known token host, or one of `tokenHosts`.
 * @param options.isPrivateAllowed whether a known token host may have a private address
 */
export function judgeRealm(
  realm: string | undefined,
  endpoint: URL,
  options: { tokenHosts: readonly string[]; isPrivateAllowed: boolean },
): RealmVerdict {
  const url = URL.parse(realm ?? "");
  const refuse = (reason: string): RealmVerdict => ({ isAllowed: false, reason });
  if (!url) return refuse("the token service is not a URL");
  const service = `the token service ${url.host}`;
  if (url.username !== "" || url.password !== "") return refuse(`${service} is named with user information`);
  const isOwnHost = url.hostname === endpoint.hostname;
  const isPlainAllowed = url.protocol === "http:" && endpoint.protocol === "http:" && isOwnHost;
  if (url.protocol !== "https:" && !isPlainAllowed) return refuse(`${service} is not https`);
  const isConfigured = options.tokenHosts.some((host) => isHost(url, host));
  const isKnown = (knownTokenHosts.get(endpoint.hostname) ?? []).includes(url.hostname);
  if (!isOwnHost && !isConfigured && !isKnown) {
    return refuse(`${service} is neither on the registry's own host nor in tokenHosts`);
  }
  url.hash = "";
  return { isAllowed: true, url, isGuarded: !isOwnHost && !isConfigured && !options.isPrivateAllowed };
}

/** The challenge to answer, Bearer before Basic. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm")) ??
    challenges.find(({ scheme }) => scheme === "basic")
  );
}
