export const clientFamilies = [
  "containerd",
  "docker",
  "podman",
  "skopeo",
  "buildah",
  "crio",
  "buildkit",
  "other",
] as const;
export type ClientFamily = (typeof clientFamilies)[number];

/** The first product of the User-Agent, as each client sends it. dockerd names containerd and others after its own. */
const families: Readonly<Record<string, ClientFamily>> = {
  containerd: "containerd",
  docker: "docker",
  containers: "podman", // containers/5.29.0 (github.com/containers/image)
  libpod: "podman",
  podman: "podman",
  skopeo: "skopeo",
  buildah: "buildah",
  "cri-o": "crio",
  buildkit: "buildkit",
};

/** Which client a User-Agent belongs to (RFC 9110 section 10.1.5: the product that matters most comes first). */
export function clientFamily(userAgent: string | undefined): ClientFamily {
  const product = /^[a-z-]+(?=\/|$)/i.exec(userAgent ?? "")?.[0].toLowerCase() ?? "";
  return Object.hasOwn(families, product) ? (families[product] ?? "other") : "other";
}
