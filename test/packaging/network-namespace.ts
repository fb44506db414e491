import { binary, ChildProcesses, until, type Daemon } from "../clients/child-processes.ts";

/** Processes that see no network but the loopback of a namespace of their own, in which every port is free. */
export class NetworkNamespace extends ChildProcesses {
  readonly name: string;
  readonly path: string;

  private constructor(home: string, name: string) {
    super(home);
    this.name = name;
    this.path = `/run/netns/${name}`;
  }

  static async create(home: string): Promise<NetworkNamespace> {
    const namespace = new NetworkNamespace(home, `entrepot-packaging-${process.pid}`);
    await namespace.#ip("netns", "add", namespace.name);
    await namespace.#ip("-n", namespace.name, "link", "set", "lo", "up");
    return namespace;
  }

  override start(command: string, args: readonly string[], options: Parameters<ChildProcesses["start"]>[2]): Daemon {
    return super.start(binary("ip"), this.#inside(command, args), options);
  }

  override run(
    command: string,
    args: readonly string[],
    options?: Parameters<ChildProcesses["run"]>[2],
  ): Promise<string> {
    return super.run(binary("ip"), this.#inside(command, args), options);
  }

  /** A tracer that is ended leaves what it traced running: that is ended too. */
  async close(): Promise<void> {
    for (const pid of await this.#pids()) process.kill(pid, "SIGTERM");
    await until("the namespace to be empty", 30_000, async () => (await this.#pids()).length === 0);
    await this.#ip("netns", "delete", this.name);
    await this.endAll();
  }

  async #pids(): Promise<number[]> {
    return (await this.#ip("netns", "pids", this.name)).split("\n").filter(Boolean).map(Number);
  }

  #inside(command: string, args: readonly string[]): string[] {
    return ["netns", "exec", this.name, command, ...args];
  }

  #ip(...words: string[]): Promise<string> {
    return super.run(binary("ip"), words);
  }
}
