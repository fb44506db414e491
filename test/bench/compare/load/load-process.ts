import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
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
  async ask(ask: Loads[Name]["ask"]): Promise<Loads[Name]["answer"]> {
    const ended = new AbortController();
    const onExit = (code: number | null): void => ended.abort(new Error(`a load ended with ${String(code)}`));
    this.#child.once("exit", onExit);
    try {
      const answered = once(this.#child, "message", { signal: ended.signal });
      this.#child.send(ask);
      const [reply] = (await answered) as [{ answer: Loads[Name]["answer"] } | { error: string }];
      if ("error" in reply) throw new Error(reply.error);
      return reply.answer;
    } catch (error) {
      ended.signal.throwIfAborted();
      throw error;
    } finally {
      this.#child.off("exit", onExit);
    }
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
