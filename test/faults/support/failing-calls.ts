import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";

export interface Failure {
  /** System calls. */
  calls: string;
  /** What they end with, or by how much they are held up before they succeed. */
  effect: "error=EIO" | "error=EROFS" | "error=ENOSPC" | { delayMs: number };
  /** Only where they are about one of these files; absent: all. */
  paths?: readonly string[];
  /** Only those of these threads; absent: all there are and will be. */
  threads?: readonly number[];
}

/** Has system calls of a running process fail, or take their time, by strace. */
export class FailingCalls {
  readonly #tracer: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(tracer: ChildProcess) {
    this.#tracer = tracer;
    this.#ended = once(tracer, "exit");
  }

  /** Resolves when the next such call will fail. */
  static async start(pid: number, { calls, effect, paths = [], threads }: Failure): Promise<FailingCalls> {
    const whom = threads ? threads.flatMap((thread) => ["-p", String(thread)]) : ["-f", "-p", String(pid)];
    const where = paths.flatMap((path) => ["-P", path]);
    const how = typeof effect === "string" ? effect : `delay_enter=${effect.delayMs * 1000}`;
    const what = ["-e", `trace=${calls}`, "-e", `inject=${calls}:${how}`];
    const tracer = spawn("strace", ["-o", "/dev/null", ...what, ...where, ...whom], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const failing = new FailingCalls(tracer);
    let words = "";
    let attached = 0;
    for await (const chunk of tracer.stderr as AsyncIterable<Buffer>) {
      words += chunk.toString();
      attached = words.split(" attached").length - 1;
      if (attached >= (threads?.length ?? 1)) break;
    }
    if (attached === 0) throw new Error(`strace cannot be attached: ${words}`);
    return failing;
  }

  /** Calls succeed again. */
  async stop(): Promise<void> {
    this.#tracer.kill("SIGINT");
    await this.#ended;
  }
}

/** The threads that do the file work of Node; the index has one of its own. */
export function poolThreads(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return threads.filter((thread) => readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8") === "libuv-worker\n");
}
