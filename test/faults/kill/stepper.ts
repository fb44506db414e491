/**
 * Runs a process that stands still after every system call by which it changes a file of a data directory: strace sends
 * it SIGSTOP on each. Then there are three things to do with it: look at the directory, copy it (what is in the copy is
 * what kill -9 would leave at this moment, as a killed process loses nothing that it has written), or kill it indeed.
 *
 * To have strace send the SIGKILL itself, with `when=N`, finds fewer points: N counts per thread, and where two threads make
 * the same call, the one that comes to its Nth first is the only one that can be hit.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { StepLog, type Step } from "./step-log.ts";

const calls = [
  "write,writev,pwrite64,pwritev,pwritev2,ftruncate,fallocate,fsync,fdatasync,sync_file_range",
  "openat,mkdir,mkdirat,link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fchmod",
].join(",");

/** How often it is looked whether the process stands. */
const pollMs = 0.2;

export class Stepper {
  readonly #traceFile: string;
  readonly #log: StepLog;

  constructor(dataDirectory: string, traceFile: string) {
    this.#traceFile = traceFile;
    this.#log = new StepLog(dataDirectory);
  }

  /** What the process is to be started under. The tracer is its grandchild: the process id is that of the process. */
  get command(): readonly string[] {
    const options = ["-D", "-f", "-qq", "-y", "-s", "0", "-e", "signal=none"];
    return [
      "strace",
      ...options,
      "-o",
      this.#traceFile,
      "-e",
      `trace=${calls}`,
      "-e",
      `inject=${calls}:signal=SIGSTOP`,
    ];
  }

  /**
   * Lets the process go from step to step until it has ended. `onStand` is called each time it stands, with the steps that
   * have brought it to that: one, or two where two threads made a call at the same moment.
   */
  async run(pid: number, onStand: (steps: readonly Step[]) => "go on" | "kill"): Promise<void> {
    const trace = await openWhenThere(this.#traceFile);
    try {
      for (;;) {
        const state = stateOf(pid);
        if (state === "ended") return;
        // Without a new line it stands for another reason: the tracer is only taking hold of it.
        const text = state === "stands" ? readOn(trace) : "";
        if (text !== "") {
          const steps = this.#log.read(text);
          const decision = steps.length > 0 ? onStand(steps) : "go on";
          process.kill(pid, decision === "kill" ? "SIGKILL" : "SIGCONT");
        }
        await sleep(pollMs);
      }
    } finally {
      closeSync(trace);
    }
  }
}

async function openWhenThere(path: string): Promise<number> {
  for (let attempts = 0; attempts < 5000; attempts += 1) {
    try {
      return openSync(path, "r");
    } catch {
      await sleep(1);
    }
  }
  throw new Error("strace does not start: is it installed?");
}

function readOn(descriptor: number): string {
  const buffer = Buffer.alloc(64 * 1024);
  let text = "";
  for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer)) {
    text += buffer.toString("latin1", 0, count);
  }
  return text;
}

/** It stands when all its threads are stopped and the tracer waits for something to happen: so nothing can, but by us. */
function stateOf(pid: number): "runs" | "stands" | "ended" {
  try {
    const first = threadState(`/proc/${pid}/stat`);
    if (first === "Z" || first === "X") return "ended";
    if (!isStopped(first)) return "runs";
    const tracer = /^TracerPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "0";
    if (tracer === "0" || threadState(`/proc/${tracer}/stat`) !== "S") return "runs";
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => isStopped(threadState(`/proc/${pid}/task/${thread}/stat`))) ? "stands" : "runs";
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) {
      return isThere(pid) ? "runs" : "ended";
    }
    throw error;
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isStopped(state: string): boolean {
  return state === "t" || state === "T";
}

/** The letter behind the command's name, which may hold spaces and brackets (proc(5)). */
function threadState(path: string): string {
  const text = readFileSync(path, "latin1");
  return text.charAt(text.lastIndexOf(")") + 2);
}
