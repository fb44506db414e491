import { parseImageName, type ImageName } from "../../oci/index.ts";

/** An image that each built-in upstream has had for years; whether it still has it says less than that it answers. */
const images: Readonly<Record<string, string>> = {
  "docker.io": "docker.io/library/alpine:latest",
  "ghcr.io": "ghcr.io/linuxcontainers/alpine:latest",
  "quay.io": "quay.io/prometheus/busybox:latest",
  "registry.k8s.io": "registry.k8s.io/pause:3.9",
  "gcr.io": "gcr.io/distroless/static:latest",
  "mcr.microsoft.com": "mcr.microsoft.com/hello-world:latest",
  "public.ecr.aws": "public.ecr.aws/docker/library/alpine:latest",
  "nvcr.io": "nvcr.io/nvidia/cuda:12.4.1-base-ubuntu22.04",
  "docker.elastic.co": "docker.elastic.co/beats/filebeat:8.15.0",
  "registry.gitlab.com": "registry.gitlab.com/gitlab-org/gitlab-runner:latest",
};

/** What is asked of an upstream: one of `given` that is its own, else its well-known image. */
export function imageFor(upstream: string, given: readonly ImageName[]): ImageName | undefined {
  const own = given.find((image) => image.upstream === upstream);
  const wellKnown = images[upstream];
  return own ?? (wellKnown === undefined ? undefined : parseImageName(wellKnown));
}
