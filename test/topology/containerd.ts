import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Scratch } from "../faults/support/scratch.ts";
import type { Host } from "./network.ts";
import type { ImageFacts, Upstream } from "./upstream.ts";

const startWithinMs = 30_000;
const maxContentBytes = 64 * 1024 * 1024;

/** The containerd of a node, which asks the cache on its loopback first and the registry itself if that does not answer. */
export class Containerd {
  readonly #under: Host["under"];
  readonly #directory: string;
  readonly #upstream: Upstream;
  #pulls = 0;

  private constructor(under: Host["under"], directory: string, upstream: Upstream) {
    this.#under = under;
    this.#directory = directory;
    this.#upstream = upstream;
  }

  static async start(scratch: Scratch, { under }: Host, upstream: Upstream): Promise<Containerd> {
    const directory = await scratch.make("containerd");
    const containerd = new Containerd(under, directory, upstream);
    containerd.#configure();
    const [command, ...args] = [...under, "containerd", "--config", join(directory, "config.toml")];
    const daemon = spawn(command, args, { stdio: "ignore" });
    const ended = once(daemon, "exit");
    scratch.onClose(async () => {
      daemon.kill("SIGKILL");
      await ended;
    });
    const giveUpAt = Date.now() + startWithinMs;
    while (
      !(await containerd.#ctr(["version"]).then(
        () => true,
        () => false,
      ))
    ) {
      if (Date.now() > giveUpAt) throw new Error("containerd does not answer");
      await sleep(200);
    }
    return containerd;
  }

  /** A pull that has nothing of what was pulled before; resolves when all is there and has its digest. */
  async pull(image: ImageFacts): Promise<void> {
    this.#pulls += 1;
    const namespace = ["--namespace", `pull-${this.#pulls}`];
    const name = `${this.#upstream.name}/${image.repository}:1`;
    const hosts = ["--hosts-dir", join(this.#directory, "certs.d")];
    await this.#ctr([...namespace, "content", "fetch", ...hosts, "--platform", "linux/amd64", name]);
    for (const digest of [image.manifest, image.config, ...image.layers]) {
      const found = createHash("sha256")
        .update(await this.#ctr([...namespace, "content", "get", digest]))
        .digest("hex");
      if (`sha256:${found}` !== digest) throw new Error(`${digest} is ${found} in containerd`);
    }
  }

  #configure(): void {
    const registry = join(this.#directory, "certs.d", this.#upstream.name);
    mkdirSync(registry, { recursive: true });
    const cache = `[host."http://127.0.0.1:5000"]\n  capabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(registry, "hosts.toml"), `server = "${this.#upstream.url}"\n${cache}`);
    const lines = [
      `version = 2`,
      `root = "${join(this.#directory, "root")}"`,
      `state = "${join(this.#directory, "state")}"`,
      `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]`,
      `[grpc]`,
      `  address = "${join(this.#directory, "containerd.sock")}"`,
      // A namespace does not take from another one what it could pull.
      `[plugins."io.containerd.metadata.v1.bolt"]`,
      `  content_sharing_policy = "isolated"`,
    ];
    writeFileSync(join(this.#directory, "config.toml"), lines.join("\n"));
  }

  async #ctr(args: readonly string[]): Promise<Buffer> {
    const socket = ["--address", join(this.#directory, "containerd.sock")];
    const [command, ...rest] = [...this.#under, "ctr", ...socket, ...args];
    const { stdout } = await promisify(execFile)(command, rest, { encoding: "buffer", maxBuffer: maxContentBytes });
    return stdout;
  }
}
