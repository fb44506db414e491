// What the doctor says is held against what happens: the client pulls, and entrepot has served it, or has not.
import { deepEqual } from "node:assert/strict";
import { readMetric } from "../../support/instance.ts";
import type { Checks } from "../checks.ts";
import { hub, type EntrepotProcess } from "../entrepot-process.ts";
import type { Machine, MachineFiles } from "./machine.ts";

/** One way to configure a client. */
export interface Configuration {
  readonly what: string;
  readonly comesThrough: boolean;
  /** @param authority where entrepot is: `127.0.0.1:5000` */
  readonly files: (authority: string) => MachineFiles;
}

export interface DoctorScene {
  readonly checks: Checks;
  readonly cache: EntrepotProcess;
  /** As the doctor knows it. */
  readonly client: string;
  /** The label of the metric. */
  readonly family: string;
  readonly machine: Machine;
  /** Pulls an image of the hub by its own name, from nothing; rejects where that fails. */
  readonly pull: () => Promise<void>;
}

interface Report {
  registries: { registry: string; comesThrough: boolean; why: string | null }[];
}

/** Three witnesses who must agree: the doctor, the client, and entrepot's own count. Nothing else can be reached from here. */
export async function checkConfiguration(
  scene: DoctorScene,
  { what, comesThrough, files }: Configuration,
): Promise<void> {
  const { checks, cache, client, machine } = scene;
  await checks.check(
    `the doctor knows ${client} with ${what}: ${comesThrough ? "comes" : "does not come"} through`,
    async () => {
      machine.clear();
      machine.write(files(`127.0.0.1:${cache.port}`));
      const before = await servedTo(scene);
      const said = JSON.parse(
        await cache.command(["doctor", "--client", client, "--root", machine.root, "--json"], [0, 1]),
      ) as Report;
      const isPulled = await scene.pull().then(
        () => true,
        () => false,
      );
      const route = said.registries.find(({ registry }) => registry === hub);
      const seen = { isPulled, isServed: (await servedTo(scene)) > before, doctor: route?.comesThrough };
      deepEqual(
        seen,
        { isPulled: comesThrough, isServed: comesThrough, doctor: comesThrough },
        `the doctor's words: ${route?.why ?? "none"}; seen ${JSON.stringify(seen)}`,
      );
    },
  );
}

/** Manifests that entrepot has given to this family of clients. */
async function servedTo({ cache, family }: DoctorScene): Promise<number> {
  const url = `http://127.0.0.1:${cache.adminPort}`;
  let count = 0;
  for (const kind of ["manifest_tag", "manifest_digest"]) {
    for (const outcome of ["hit", "stale", "filled", "collapsed", "uncached"]) {
      count += await readMetric(url, "entrepot_requests_total", { kind, outcome, client: family });
    }
  }
  return count;
}
