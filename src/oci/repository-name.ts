declare const repositoryBrand: unique symbol;

/** A repository name as distribution-spec defines it, without a registry host: `library/alpine`. */
export type RepositoryName = string & { readonly [repositoryBrand]: true };

const namePattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** Clients limit registry host and name together to 255 characters (distribution-spec, "Pulling manifests"). */
const maxNameLength = 255;

/** The repository name in `text`, or undefined where it is outside the grammar. */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= maxNameLength && namePattern.test(text) ? (text as RepositoryName) : undefined;
}
