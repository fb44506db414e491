import { parseAuthority } from "./authority.ts";
import { parseDigest } from "./digest.ts";
import { ImageNameInvalid, quote, splitImage, type ImageParts } from "./image-parts.ts";
import { formatReference, parseTag, type Reference } from "./reference.ts";
import { parseRepositoryName, type RepositoryName } from "./repository-name.ts";

/** One image of one upstream, whole: `docker.io/library/alpine:3`. */
export interface ImageName {
  /** A host, perhaps with a port, in lower case. */
  upstream: string;
  repository: RepositoryName;
  reference: Reference;
}

/**
 * `ghcr.io/org/app:v1`, `registry.corp.example:5443/team/app@sha256:…`; the digest counts where there is a tag too.
 * Nothing is guessed: registry and reference must be there. Only `library/` is added on docker.io.
 * @throws ImageNameInvalid
 */
export function parseImageName(text: string): ImageName {
  if (text.includes("*")) throw new ImageNameInvalid(`${quote(text)} is a pattern: the name of one image holds no *`);
  return checkImageParts(splitImage(text, { example: ":latest", advice: "add for instance :latest" }));
}

/** The canonical text, which `parseImageName` reads back. */
export function formatImageName({ upstream, repository, reference }: ImageName): string {
  return `${upstream}/${repository}${reference.kind === "tag" ? ":" : "@"}${formatReference(reference)}`;
}

/**
 * The name that the parts make up. A fault quotes the part as it is in `written`.
 * @throws ImageNameInvalid
 */
export function checkImageParts(parts: ImageParts, written: ImageParts = parts): ImageName {
  const upstream = parseAuthority(parts.upstream);
  if (upstream === undefined) throw new ImageNameInvalid(`${quote(written.upstream)} is not the host of a registry`);
  const repository = parseRepositoryName(parts.repository);
  if (repository === undefined) {
    throw new ImageNameInvalid(
      `${quote(written.repository)} is not a repository: lower-case letters and digits, with one of . _ __ - between them`,
    );
  }
  return { upstream, repository, reference: checkReference(parts, written) };
}

function checkReference(parts: ImageParts, written: ImageParts): Reference {
  const tag = parts.tag === undefined ? undefined : parseTag(parts.tag);
  if (parts.tag !== undefined && tag === undefined) {
    throw new ImageNameInvalid(
      `${quote(written.tag ?? "")} is not a tag: at most 128 letters, digits, _ . and -, the last two not in front`,
    );
  }
  const digest = parseDigest(parts.digest ?? "");
  if (digest !== undefined) return { kind: "digest", digest };
  if (parts.digest === undefined && tag !== undefined) return { kind: "tag", tag };
  throw new ImageNameInvalid(
    `${quote(written.digest ?? "")} is not a digest: sha256: and 64 hex digits, or sha512: and 128, in lower case`,
  );
}
