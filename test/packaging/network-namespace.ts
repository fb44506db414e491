import { binary, ChildProcesses, type Daemon } from "../clients/child-processes.ts";

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

  async close(): Promise<void> {
    await this.#ip("netns", "delete", this.name);
    await this.endAll();
  }

  #inside(command: string, args: readonly string[]): string[] {
    return ["netns", "exec", this.name, command, ...args];
  }

  async #ip(...words: string[]): Promise<void> {
    await super.run(binary("ip"), words);
  }
}
