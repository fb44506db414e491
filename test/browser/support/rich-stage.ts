import { seededBytes } from "../../upstream/index.ts";
import { createGate, temperaments, type Gate } from "../../upstream/index.ts";
import { pushContent, sharedLayer } from "./content.ts";
import type { Stage, StageOptions } from "./stage.ts";

const minute = 60_000;
const pastMinutes = 55;

const more = [
  ["library/redis", "8", 350_000],
  ["library/nginx", "1.29", 720_000],
  ["grafana/grafana", "12.2.0", 2_400_000],
  ["library/a-rather-long-name-of-a-repository/with-parts/service", "2026.11.23-1f3e5d7c9b", 150_000],
] as const;

export interface RichStage {
  stage: Stage;
  /** Ends the pull that is going on. */
  gate: Gate;
}

/**
 * An instance on which an hour of pulls, a tag that moved, an eviction and a pull that goes on leave something to see on every
 * page.
 */
export async function openRichStage(open: (options: StageOptions) => Promise<Stage>): Promise<RichStage> {
  const stage = await open({
    skippedMs: -pastMinutes * minute,
    settings: { storage: { maxSize: "24MiB", minFree: "1MiB" } },
  });
  const { upstream, instance } = stage;
  pushContent(upstream);
  for (const [repository, tag, bytes] of more) upstream.pushImage(repository, tag, { layers: [sharedLayer, bytes] });
  for (let passed = 0; passed < pastMinutes; passed += 5) {
    await pullSome(stage, passed / 5);
    await instance.skip(5 * minute);
  }
  upstream.pushImage("library/alpine", "3", { layers: [sharedLayer, 88_000] });
  await instance.api.refresh("docker.io/library/alpine:3");
  await stage.pull("library/alpine", "3");
  await instance.api.pin("docker.io/library/alpine:3");
  await instance.api.evict({ image: "docker.io/library/redis:8" });
  const gate = createGate();
  const going = upstream.pushImage("library/python", "3.14", { layers: [seededBytes("python", 5_000_000)] });
  const layer = going.layers[0];
  if (!layer) throw new Error("the image has a layer");
  upstream.misbehave({ on: "blob", reference: layer.digest, temperament: temperaments.gated(gate, 3_100_000) });
  void stage.pull("library/python", "3.14").catch(() => undefined);
  await gate.reached();
  return { stage, gate };
}

/** Ever more is here already, so that the hit ratio rises as it does in life. */
async function pullSome(stage: Stage, turn: number): Promise<void> {
  const firsts = more.slice(turn, turn + 1).map(([repository, tag]) => [repository, tag] as const);
  const agains = [
    ["library/postgres", "17"],
    ["library/alpine", "3"],
    ...more.slice(0, turn).map(([name, tag]) => [name, tag]),
  ];
  for (const [repository = "", tag = ""] of [...firsts, ...agains]) await stage.pull(repository, tag);
  if (turn % 3 === 1) await stage.pull("library/node", "24", { platforms: ["linux/amd64"] });
}
