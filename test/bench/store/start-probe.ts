import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { askChild } from "../ask-child.ts";
import { endProcess, spawnAsStart } from "../spawn-as-start.ts";
import type { Probes } from "./probe/protocol.ts";

/** A process that measures itself, started with the flags and the environment of `npm start`. */
export class Probe<Name extends keyof Probes> {
  readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start<Name extends keyof Probes>(name: Name): Promise<Probe<Name>> {
    const program = fileURLToPath(new URL("./probe/run.ts", import.meta.url));
    // The log of what is measured goes nowhere; its last words go to ours.
    const stdio = ["ignore", "ignore", "inherit", "ipc"] as const;
    return new Probe<Name>(await spawnAsStart({ program: `'${program}' ${name}`, stdio: [...stdio] }));
  }

  /** One question at a time. */
  ask(ask: Probes[Name]["ask"]): Promise<Probes[Name]["answer"]> {
    return askChild(this.child, "a probe", ask);
  }

  end(signal?: NodeJS.Signals): Promise<void> {
    return endProcess(this.child, signal);
  }
}

/** Asks one question of a process of its own. */
export async function askProbe<Name extends keyof Probes>(
  name: Name,
  ask: Probes[Name]["ask"],
): Promise<Probes[Name]["answer"]> {
  const probe = await Probe.start(name);
  try {
    return await probe.ask(ask);
  } finally {
    await probe.end();
  }
}
