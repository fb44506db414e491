import { digestAlgorithm, digestHex, parseDigest, type Digest } from "./digest.ts";

declare const tagBrand: unique symbol;

export type Tag = string & { readonly [tagBrand]: true };

/** What a manifest is asked by (distribution-spec, "Pulling manifests"). */
export type Reference = { kind: "tag"; tag: Tag } | { kind: "digest"; digest: Digest };

const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function parseTag(text: string): Tag | undefined {
  return tagPattern.test(text) ? (text as Tag) : undefined;
}

/** A tag or a digest; a colon can only belong to a digest. Undefined where it is neither. */
export function parseReference(text: string): Reference | undefined {
  if (text.includes(":")) {
    const digest = parseDigest(text);
    return digest && { kind: "digest", digest };
  }
  const tag = parseTag(text);
  return tag && { kind: "tag", tag };
}

export function formatReference(reference: Reference): string {
  return reference.kind === "tag" ? reference.tag : reference.digest;
}

/**
 * The tag under which referrers of `digest` are kept where there is no referrers API: algorithm, `-`, at most 64 characters
 * of the hex part (distribution-spec, "Referrers Tag Schema").
 */
export function referrersTag(digest: Digest): Tag {
  return `${digestAlgorithm(digest)}-${digestHex(digest).slice(0, 64)}` as Tag;
}

/** The digest whose referrers are kept under `tag`, if it can be told from it: of a sha512 digest half is cut off. */
export function subjectOfReferrersTag(tag: Tag): Digest | undefined {
  const [, hex] = /^sha256-([a-f0-9]{64})$/.exec(tag) ?? [];
  return hex === undefined ? undefined : parseDigest(`sha256:${hex}`);
}
