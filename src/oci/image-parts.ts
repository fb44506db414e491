import { parseAuthority } from "./authority.ts";
import { parseRepositoryName } from "./repository-name.ts";

/** The text is not the name or the pattern of an image. The message quotes it, and says what to write. */
export class ImageNameInvalid extends Error {
  override readonly name = "ImageNameInvalid";
  readonly kind = "image-name-invalid";
}

/** What an image name or pattern is made of; nothing but the shape is checked. One of `tag` and `digest` is there. */
export interface ImageParts {
  /** Lower case. */
  upstream: string;
  /** On docker.io with `library/` where that was left out. */
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
}

const hub = "docker.io";
/** Other names of Docker Hub that people are seen to write. */
const hubAliases: readonly string[] = ["index.docker.io", "registry-1.docker.io"];

/** What to suggest where there is neither a tag nor a digest. */
export interface MissingReference {
  /** As it would be written behind the name: `:latest`. */
  example: string;
  advice: string;
}

/**
 * Takes `host[:port]/repository[:tag][@digest]` apart.
 * @throws ImageNameInvalid
 */
export function splitImage(text: string, missing: MissingReference): ImageParts {
  if (/^[a-z]+:\/\//i.test(text)) throw new ImageNameInvalid(`${quote(text)} must stand without its scheme`);
  const { name, tag, digest } = splitReference(text);
  const slash = name.indexOf("/");
  const host = name.slice(0, Math.max(slash, 0)).toLowerCase();
  if (!looksLikeHost(host)) throw withoutHost(text, name, missing);
  const path = name.slice(slash + 1);
  if (path === "") throw registryOnly(text);
  if (tag === undefined && digest === undefined) {
    throw new ImageNameInvalid(`${quote(text)} has neither a tag nor a digest: ${missing.advice}`);
  }
  const upstream = hubAliases.includes(host) ? hub : host;
  return { upstream, repository: withLibrary(upstream, path), tag, digest };
}

/** The text with each wildcard replaced by what it may stand for: the grammar of a pattern is that of this text. */
export function withoutWildcards(text: string): string {
  return text.replace(/\*+/g, "1");
}

/** For messages: bounded, and without control characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

function splitReference(text: string): { name: string; tag: string | undefined; digest: string | undefined } {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const tagged = at === -1 ? text : text.slice(0, at);
  // A colon in front of a slash belongs to a port.
  const colon = tagged.indexOf(":", tagged.lastIndexOf("/") + 1);
  if (colon === -1) return { name: tagged, tag: undefined, digest };
  return { name: tagged.slice(0, colon), tag: tagged.slice(colon + 1), digest };
}

function looksLikeHost(text: string): boolean {
  return /[.:*]/.test(text) || text === "localhost";
}

function withoutHost(text: string, name: string, missing: MissingReference): ImageNameInvalid {
  // No namespace of Docker Hub has a dot: such a name can only be meant as a registry.
  if (!name.includes("/") && looksLikeHost(name) && parseAuthority(name) !== undefined) return registryOnly(text);
  const repository = withLibrary(hub, name);
  const reference = text.slice(name.length) || missing.example;
  const isReadable =
    parseRepositoryName(withoutWildcards(repository)) !== undefined && /^[:@][\w.:@*-]{1,300}$/.test(reference);
  const example = isReadable ? `${hub}/${repository}${reference}` : "docker.io/library/alpine:3";
  return new ImageNameInvalid(`${quote(text)} names no registry: write for instance ${example}`);
}

function registryOnly(text: string): ImageNameInvalid {
  return new ImageNameInvalid(`${quote(text)} names a registry only: a repository must follow it`);
}

/** Docker Hub's official images are in `library/`, which people leave out. `**` is any number of parts. */
function withLibrary(upstream: string, path: string): string {
  return upstream === hub && !path.includes("/") && !path.includes("**") ? `library/${path}` : path;
}
