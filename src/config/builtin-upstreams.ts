/** The upstreams that are there without any configuration: name, origin, and the hosts of its token service. */
export interface BuiltinUpstream {
  name: string;
  url: string;
  tokenHosts: readonly string[];
}

/** Token hosts as the registries' own challenges name them; the others issue tokens on their own host, or ask for none. */
export const builtinUpstreams: readonly BuiltinUpstream[] = [
  { name: "docker.io", url: "https://registry-1.docker.io", tokenHosts: ["auth.docker.io"] },
  { name: "ghcr.io", url: "https://ghcr.io", tokenHosts: [] },
  { name: "quay.io", url: "https://quay.io", tokenHosts: [] },
  { name: "registry.k8s.io", url: "https://registry.k8s.io", tokenHosts: [] },
  { name: "gcr.io", url: "https://gcr.io", tokenHosts: [] },
  { name: "mcr.microsoft.com", url: "https://mcr.microsoft.com", tokenHosts: [] },
  { name: "public.ecr.aws", url: "https://public.ecr.aws", tokenHosts: [] },
  { name: "nvcr.io", url: "https://nvcr.io", tokenHosts: [] },
  { name: "docker.elastic.co", url: "https://docker.elastic.co", tokenHosts: ["docker-auth.elastic.co"] },
  { name: "registry.gitlab.com", url: "https://registry.gitlab.com", tokenHosts: ["gitlab.com"] },
];
