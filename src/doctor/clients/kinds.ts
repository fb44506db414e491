import type { ClientFamily } from "../../telemetry/index.ts";
import { buildkit } from "./buildkit.ts";
import type { ClientKind } from "./client.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { k3s } from "./k3s.ts";
import { crio, podman } from "./podman.ts";

export const clientNames = ["docker", "containerd", "podman", "crio", "buildkit", "k3s"] as const;
export type ClientName = (typeof clientNames)[number];

/** How each is configured, and as whom it shows up in `entrepot_last_request_timestamp_seconds`. */
export const clientKinds: Readonly<Record<ClientName, ClientKind & { families: readonly ClientFamily[] }>> = {
  docker: { ...docker, families: ["docker"] },
  containerd: { ...containerd, families: ["containerd"] },
  podman: { ...podman, families: ["podman", "buildah", "skopeo"] },
  crio: { ...crio, families: ["crio"] },
  buildkit: { ...buildkit, families: ["buildkit"] },
  k3s: { ...k3s, families: ["containerd"] },
};
