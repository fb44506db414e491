import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { askChild } from "../../ask-child.ts";
import { endProcess } from "../../spawn-as-start.ts";
import type { Loads } from "./protocol.ts";

/** A process that makes load, so that neither the server nor the origin shares its event loop. */
export class LoadProcess<Name extends keyof Loads> {
  readonly #child: ChildProcess;

  constructor(name: Name) {
    const script = fileURLToPath(new URL("./run.ts", import.meta.url));
    this.#child = fork(script, [name], { execArgv: [], serialization: "advanced" });
  }

  /** One question at a time. */
  ask(ask: Loads[Name]["ask"]): Promise<Loads[Name]["answer"]> {
    return askChild(this.#child, "a load", ask);
  }

  end(): Promise<void> {
    return endProcess(this.#child, "SIGKILL");
  }
}

/** Asks one question of a process of its own. */
export async function makeLoad<Name extends keyof Loads>(
  name: Name,
  ask: Loads[Name]["ask"],
): Promise<Loads[Name]["answer"]> {
  const load = new LoadProcess(name);
  try {
    return await load.ask(ask);
  } finally {
    await load.end();
  }
}
