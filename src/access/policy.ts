import { compileGlob, RegistryError, type Digest, type Glob, type RepositoryName } from "../oci/index.ts";

export interface PolicySettings {
  upstreams: readonly { name: string; allow: readonly string[]; deny: readonly string[] }[];
  denyDigests: readonly Digest[];
}

/** What nobody may have, whoever asks. */
export interface Policy {
  /** @throws RegistryError NAME_UNKNOWN, with the rule in `detail` */
  refuseRepository(upstream: string, repository: RepositoryName): void;
  /** @throws RegistryError DENIED, with the rule in `detail` */
  refuseDigest(digest: Digest): void;
  isDenied(digest: string): boolean;
}

/** `deny` wins over `allow`; with an `allow` that has entries nothing else is allowed. Both are globs over the repository. */
export function createPolicy({ upstreams, denyDigests }: PolicySettings): Policy {
  const rules = new Map(
    upstreams.map(({ name, allow, deny }) => [name, { allow: allow.map(compileNamed), deny: deny.map(compileNamed) }]),
  );
  const denied = new Set<string>(denyDigests);
  return {
    refuseRepository(upstream, repository) {
      const { allow = [], deny = [] } = rules.get(upstream) ?? {};
      const path = `upstreams.${upstream}`;
      const matching = deny.find(({ glob }) => glob.matches(repository));
      if (matching) throw refused(upstream, repository, `${path}.deny: ${matching.text}`);
      const isAllowed = allow.length === 0 || allow.some(({ glob }) => glob.matches(repository));
      if (!isAllowed) throw refused(upstream, repository, `${path}.allow: nothing in it matches`);
    },
    refuseDigest(digest) {
      if (!denied.has(digest)) return;
      throw new RegistryError("DENIED", "this content is denied here", { detail: { digest, policy: "denyDigests" } });
    },
    isDenied: (digest) => denied.has(digest),
  };
}

function compileNamed(text: string): { text: string; glob: Glob } {
  return { text, glob: compileGlob(text) };
}

function refused(upstream: string, repository: RepositoryName, policy: string): RegistryError {
  return new RegistryError("NAME_UNKNOWN", `${upstream}/${repository} is not served here`, {
    detail: { upstream, repository, policy },
  });
}
