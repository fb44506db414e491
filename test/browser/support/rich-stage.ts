import { createGate, seededBytes, temperaments, type Gate, type TestUpstream } from "../../upstream/index.ts";
import { pushContent, sharedLayer } from "./content.ts";
import type { Stage, StageOptions } from "./stage.ts";

const minute = 60_000;
const pastMinutes = 58;
const stepMinutes = 2;

interface Wanted {
  repository: string;
  tag: string;
  userAgent: string;
}

const containerd = "containerd/v2.1.4";
const docker = "docker/28.3.2 go/go1.24.5 kernel/6.1.0";
const podman = "containers/5.36.1 (github.com/containers/image)";

/** In the order in which they are pulled for the first time; the bytes are those of a layer of its own. */
const catalog: (Wanted & { bytes: number })[] = [
  { repository: "library/redis", tag: "8", bytes: 350_000, userAgent: docker },
  { repository: "ghcr.io/grafana/alloy", tag: "v1.11.0", bytes: 1_400_000, userAgent: containerd },
  { repository: "library/nginx", tag: "1.29", bytes: 720_000, userAgent: containerd },
  { repository: "quay.io/prometheus/prometheus", tag: "v3.6.0", bytes: 1_900_000, userAgent: podman },
  { repository: "grafana/grafana", tag: "12.2.0", bytes: 2_400_000, userAgent: containerd },
  {
    repository: "ghcr.io/an-organisation/a-rather-long-name-of-a-repository/with-parts/service",
    tag: "2026.11.23-1f3e5d7c9b",
    bytes: 150_000,
    userAgent: containerd,
  },
];

export interface RichStage {
  stage: Stage;
  /** Ends the pull that is going on. */
  gate: Gate;
}

/**
 * An instance on which an hour of pulls by several clients, a quota, a tag that moved, an eviction, and a pull that goes on leave
 * something to see on every page.
 */
export async function openRichStage(open: (options: StageOptions) => Promise<Stage>): Promise<RichStage> {
  const stage = await open({
    skippedMs: -pastMinutes * minute,
    upstreams: ["docker.io", "ghcr.io", "quay.io"],
    // The pull that goes on stands still for as long as the pages are looked at.
    settings: { storage: { maxSize: "24MiB", minFree: "1MiB" }, limits: { idleTimeout: "10m" } },
  });
  const { upstream, instance } = stage;
  pushContent(upstream);
  for (const { repository, tag, bytes } of catalog) {
    upstream.pushImage(repository.replace(/^(?:ghcr|quay)\.io\//, ""), tag, { layers: [sharedLayer, bytes] });
  }
  countPulls(upstream);
  for (let turn = 0; turn < pastMinutes / stepMinutes; turn += 1) {
    await pullSome(stage, turn);
    await instance.skip(stepMinutes * minute);
  }
  upstream.pushImage("library/alpine", "3", { layers: [sharedLayer, 88_000] });
  await instance.api.refresh("docker.io/library/alpine:3");
  await stage.pull("library/alpine", "3");
  await instance.api.pin("docker.io/library/alpine:3");
  await instance.api.evict({ image: "docker.io/library/redis:8" });
  for (const { repository, tag, userAgent } of catalog.slice(1)) await stage.pull(repository, tag, { userAgent });
  return { stage, gate: await beginPull(stage) };
}

/** A quota as Docker Hub tells it. */
function countPulls(upstream: TestUpstream): void {
  const quota = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "62;w=21600" };
  upstream.misbehave({
    on: "manifest-tag",
    when: ({ repository }) => repository?.startsWith("library/") ?? false,
    temperament: temperaments.headers({ ...quota, "docker-ratelimit-source": "192.0.2.1" }),
  });
}

/** Ever more is here already, so that the hit ratio rises as it does in life. */
async function pullSome(stage: Stage, turn: number): Promise<void> {
  const known = Math.min(catalog.length, Math.floor(turn / 3) + 1);
  const again = catalog.filter((_image, place) => place < known && (turn + place) % 3 === 0);
  const newest = turn % 3 === 0 ? catalog.slice(turn / 3, turn / 3 + 1) : [];
  for (const { repository, tag, userAgent } of [...newest, ...again]) await stage.pull(repository, tag, { userAgent });
  if (turn % 2 === 0) await stage.pull("library/postgres", "17");
  if (turn % 5 === 1) await stage.pull("library/node", "24", { platforms: ["linux/amd64"], userAgent: docker });
  await stage.pull("library/alpine", "3", { userAgent: turn % 4 === 0 ? podman : containerd });
}

async function beginPull(stage: Stage): Promise<Gate> {
  const gate = createGate();
  const image = stage.upstream.pushImage("library/python", "3.14", { layers: [seededBytes("python", 5_000_000)] });
  const layer = image.layers[0];
  if (!layer) throw new Error("the image has a layer");
  stage.upstream.misbehave({ on: "blob", reference: layer.digest, temperament: temperaments.gated(gate, 3_100_000) });
  // Whoever looks at the pages may take longer than the client waits.
  stage.pull("library/python", "3.14").catch(() => undefined);
  await gate.reached();
  return gate;
}
