import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Scratch } from "../support/scratch.ts";

/** Two network namespaces with a wire between them: entrepot's, and the one where the upstream is. Needs root. */
export class Wire {
  readonly near: string;
  readonly far: string;
  readonly farAddress = "10.231.17.2";

  constructor(scratch: Scratch) {
    this.near = `entrepot-near-${process.pid}`;
    this.far = `entrepot-far-${process.pid}`;
    for (const name of [this.near, this.far]) {
      ip("netns", "add", name);
      scratch.onClose(() => ip("netns", "delete", name));
      ip("-n", name, "link", "set", "lo", "up");
    }
    ip("-n", this.near, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", this.far);
    for (const [name, address] of [
      [this.near, "10.231.17.1/24"],
      [this.far, `${this.farAddress}/24`],
    ] as const) {
      ip("-n", name, "address", "add", address, "dev", "wire");
      ip("-n", name, "link", "set", "wire", "up");
    }
  }

  /** From now on nothing that is sent to the far end is answered, and nobody is told. */
  cut(): void {
    this.#onFarEnd("-A", "INPUT", "-i", "wire", "-j", "DROP");
  }

  mend(): void {
    this.#onFarEnd("-F", "INPUT");
  }

  #onFarEnd(...args: string[]): void {
    ip("netns", "exec", this.far, "iptables", "-w", ...args);
  }
}

/** Starts a program of ours at the far end, and resolves to the first line that it writes. */
export async function startFar(scratch: Scratch, wire: Wire, program: URL): Promise<string> {
  const child: ChildProcess = spawn(
    "ip",
    ["netns", "exec", wire.far, process.execPath, program.pathname, wire.farAddress],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = once(child, "exit");
  scratch.onClose(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  if (!child.stdout) throw new Error("no output");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return line;
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
