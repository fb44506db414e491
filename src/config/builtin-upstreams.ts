/** The upstreams that are there without any configuration: name and origin. */
export interface BuiltinUpstream {
  name: string;
  url: string;
}

export const builtinUpstreams: readonly BuiltinUpstream[] = [
  { name: "docker.io", url: "https://registry-1.docker.io" },
  { name: "ghcr.io", url: "https://ghcr.io" },
  { name: "quay.io", url: "https://quay.io" },
  { name: "registry.k8s.io", url: "https://registry.k8s.io" },
  { name: "gcr.io", url: "https://gcr.io" },
  { name: "mcr.microsoft.com", url: "https://mcr.microsoft.com" },
  { name: "public.ecr.aws", url: "https://public.ecr.aws" },
  { name: "nvcr.io", url: "https://nvcr.io" },
  { name: "docker.elastic.co", url: "https://docker.elastic.co" },
  { name: "registry.gitlab.com", url: "https://registry.gitlab.com" },
];
