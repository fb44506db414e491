import { compileGlob } from "./glob.ts";
import { checkImageParts, type ImageName } from "./image-name.ts";
import { splitImage, withoutWildcards, type ImageParts } from "./image-parts.ts";

/** Images by name, where `*` stands for any text within a part of the path, or within the tag, and `**` for any text. */
export interface ImagePattern {
  /** The canonical text, which `parseImagePattern` reads back. */
  readonly text: string;
  /** The one image that is meant, where there is no wildcard. */
  readonly exact: ImageName | undefined;
  /** A tag is never matched by a pattern with a digest, nor a digest by one with a tag: `:*` is every tag. */
  matches(image: { upstream: string; repository: string }, reference: MatchedReference): boolean;
}

/** A `Reference`, also where its grammar is not known to the compiler. */
export type MatchedReference = { kind: "tag"; tag: string } | { kind: "digest"; digest: string };

/**
 * `ghcr.io/org/app:v*`, `docker.io/library/**:*`, `*.corp.example/**:latest`, `quay.io/org/app@sha256:…`. The names that have no
 * wildcard are those of `parseImageName`, and mean the same.
 * @throws ImageNameInvalid
 */
export function parseImagePattern(text: string): ImagePattern {
  const parts = splitImage(text, { example: ":*", advice: "write :* for all tags" });
  const example = checkImageParts(exampleOf(parts), parts);
  const upstream = parts.upstream.includes("*") ? parts.upstream : example.upstream;
  const name = `${upstream}/${parts.repository}`.replace(/\*{2,}/g, "**");
  // There are no parts in a tag that a second star could cross.
  const tag = parts.digest === undefined ? parts.tag?.replace(/\*+/g, "*") : undefined;
  const isExact = !`${name}${tag ?? ""}`.includes("*");
  return {
    text: tag === undefined ? `${name}@${parts.digest ?? ""}` : `${name}:${tag}`,
    exact: isExact ? example : undefined,
    matches: matcherOf({ name, tag, digest: parts.digest }),
  };
}

/** One image that the pattern may stand for. */
function exampleOf(parts: ImageParts): ImageParts {
  return {
    ...parts,
    upstream: withoutWildcards(parts.upstream),
    repository: withoutWildcards(parts.repository),
    tag: parts.tag && withoutWildcards(parts.tag),
  };
}

interface PatternParts {
  name: string;
  tag: string | undefined;
  digest: string | undefined;
}

function matcherOf({ name, tag, digest }: PatternParts): ImagePattern["matches"] {
  const names = compileGlob(name);
  const tags = tag === undefined ? undefined : compileGlob(tag);
  return (image, reference) => {
    const isNamed = reference.kind === "tag" ? tags?.matches(reference.tag) === true : reference.digest === digest;
    return isNamed && names.matches(`${image.upstream}/${image.repository}`);
  };
}
