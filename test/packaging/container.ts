import { binary, until, type ChildProcesses } from "../clients/child-processes.ts";
import { storageIn } from "./image-builder.ts";
import type { NetworkNamespace } from "./network-namespace.ts";

/** What podman says of an image, as far as the tests ask. */
export interface ImageReport {
  Size: number;
  Config: {
    User: string;
    Env: string[];
    Entrypoint: string[];
    Cmd: string[];
    Volumes: Record<string, object>;
    Labels: Record<string, string>;
  };
  Healthcheck: { Test: string[] };
}

/** podman with a store of its own below `directory`, and its containers in a network of their own. */
export class Podman {
  readonly #processes: ChildProcesses;
  readonly #network: NetworkNamespace;
  readonly #options: string[];

  constructor(processes: ChildProcesses, network: NetworkNamespace, directory: string) {
    this.#processes = processes;
    this.#network = network;
    this.#options = [...storageIn(directory), "--runtime", "runc", "--cgroup-manager", "cgroupfs"];
  }

  run(...words: string[]): Promise<string> {
    const options = [...this.#options, "--events-backend", "file"];
    return this.#processes.run(binary("podman"), [...options, ...words], { timeoutMs: 90_000 });
  }

  /** A container as the README runs it, with the network of the namespace; resolves when it is healthy. */
  async start(name: string, image: string, words: readonly string[]): Promise<void> {
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"];
    // Not even the /tmp that podman would add.
    const strict = [
      "--read-only",
      "--read-only-tmpfs=false",
      "--cap-drop",
      "all",
      "--security-opt",
      "no-new-privileges",
    ];
    const network = ["--network", `ns:${this.#network.path}`];
    await this.run("run", "--detach", "--name", name, ...limits, ...strict, ...network, ...words, image);
    await this.untilHealthy(name);
  }

  async untilHealthy(name: string): Promise<void> {
    await until(`${name} to be healthy`, 60_000, () =>
      this.run("healthcheck", "run", name).then(
        () => true,
        () => false,
      ),
    );
  }

  exec(name: string, ...words: string[]): Promise<string> {
    return this.run("exec", name, ...words);
  }

  async imageReport(image: string): Promise<ImageReport> {
    const [report] = JSON.parse(await this.run("image", "inspect", image)) as ImageReport[];
    if (!report) throw new Error(`no image ${image}`);
    return report;
  }
}
