import { execFileSync } from "node:child_process";
import type { Scratch } from "../faults/support/scratch.ts";

const subnet = "10.231.18";

/** A machine of its own on the network. */
export interface Host {
  /** Of its network namespace. */
  readonly name: string;
  readonly address: string;
  /** A command that runs the one behind it there. */
  readonly under: readonly [string, ...string[]];
}

/** Network namespaces around a switch. Needs root. */
export class Network {
  readonly #scratch: Scratch;
  readonly #switch: string;
  #hosts = 0;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
    this.#switch = this.#addNamespace("switch");
    this.#onSwitch("link", "add", "bridge", "type", "bridge");
    this.#onSwitch("link", "set", "bridge", "up");
  }

  addHost(role: string): Host {
    const name = this.#addNamespace(role);
    this.#hosts += 1;
    const [port, address] = [`port${this.#hosts}`, `${subnet}.${this.#hosts}`];
    this.#onSwitch("link", "add", port, "type", "veth", "peer", "name", "wire", "netns", name);
    this.#onSwitch("link", "set", port, "master", "bridge", "up");
    ip("-n", name, "address", "add", `${address}/24`, "dev", "wire");
    ip("-n", name, "link", "set", "wire", "up");
    return { name, address, under: ["ip", "netns", "exec", name] };
  }

  /** What it sends goes out at this rate at most, for instance `200mbit`, by a token bucket. */
  limit({ name }: Host, rate: string): void {
    run(
      "tc",
      "-n",
      name,
      "qdisc",
      "replace",
      "dev",
      "wire",
      "root",
      "tbf",
      "rate",
      rate,
      "burst",
      "64kb",
      "latency",
      "200ms",
    );
  }

  /** From now on nothing that is sent to it is answered, and nobody is told. */
  cut({ under }: Host): void {
    run(...under, "iptables", "-w", "-A", "INPUT", "-i", "wire", "-j", "DROP");
  }

  mend({ under }: Host): void {
    run(...under, "iptables", "-w", "-F", "INPUT");
  }

  #addNamespace(role: string): string {
    const name = `entrepot-${role}-${process.pid}`;
    ip("netns", "add", name);
    this.#scratch.onClose(() => ip("netns", "delete", name));
    ip("-n", name, "link", "set", "lo", "up");
    return name;
  }

  #onSwitch(...args: string[]): void {
    ip("-n", this.#switch, ...args);
  }
}

function ip(...args: string[]): void {
  run("ip", ...args);
}

function run(command = "", ...args: string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
}
