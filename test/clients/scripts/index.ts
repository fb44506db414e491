// Every script, each on a cold cache.
import type { Checks } from "../checks.ts";
import type { Stage } from "../stage.ts";
import { buildkit } from "./buildkit.ts";
import { containerdParallelChunks } from "./containerd-parallel-chunks.ts";
import { crane } from "./crane.ts";
import { criO } from "./cri-o.ts";
import { docker29 } from "./docker-29.ts";
import { kaniko } from "./kaniko.ts";
import { Wire } from "./wire.ts";

const scripts = [criO, buildkit, containerdParallelChunks, docker29, crane, kaniko];

export async function checkScripts(checks: Checks, stage: Stage): Promise<void> {
  for (const script of scripts) {
    await stage.reset();
    const wire = new Wire(stage.cache.port);
    await script.replay(checks, stage, wire);
    wire.close();
  }
}
