// The product as users run it: `node src/main.ts serve` with a YAML file, on ports of its own.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, until, type ChildProcesses, type Daemon } from "./child-processes.ts";

export const repositoryRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Another build of the same program, such as dist/main.js, can be tried by naming it here. */
const main = process.env["ENTREPOT_MAIN"] ?? "src/main.ts";

/** Two names for the same upstream; nothing answers to the second but through the cache. */
export const hub = "docker.io";
export const elsewhere = "registry.example.test";

export class EntrepotProcess {
  readonly logFile: string;
  /** The YAML that it was started with last. */
  readonly configuration: string;
  readonly port: number;
  readonly adminPort: number;
  readonly #processes: ChildProcesses;
  readonly #directory: string;
  readonly #upstreamPort: number;
  readonly #upstreams: readonly string[];
  #daemon: Daemon | undefined;

  private constructor(
    processes: ChildProcesses,
    settings: {
      directory: string;
      upstreamPort: number;
      port: number;
      adminPort: number;
      upstreams: readonly string[];
    },
  ) {
    this.#processes = processes;
    this.#directory = settings.directory;
    this.#upstreamPort = settings.upstreamPort;
    this.#upstreams = settings.upstreams;
    this.port = settings.port;
    this.adminPort = settings.adminPort;
    this.logFile = join(settings.directory, "entrepot.log");
    this.configuration = join(settings.directory, "entrepot.yaml");
  }

  /** @param upstreams - Lines of YAML for further ones. */
  static async create(
    processes: ChildProcesses,
    directory: string,
    upstreamPort: number,
    upstreams: readonly string[] = [],
  ): Promise<EntrepotProcess> {
    const [port, adminPort] = [await freePort(), await freePort()];
    return new EntrepotProcess(processes, { directory, upstreamPort, port, adminPort, upstreams });
  }

  /** Starts with an empty data directory. */
  async startCold(): Promise<void> {
    await this.stop();
    rmSync(join(this.#directory, "data"), { recursive: true, force: true });
    await this.start({ freshFor: "1h" });
  }

  /** Starts on what is stored already; ends a running one first. */
  async start(options: { freshFor: string }): Promise<void> {
    await this.stop();
    mkdirSync(this.#directory, { recursive: true });
    writeFileSync(this.configuration, this.#yaml(options.freshFor));
    const daemon = this.#processes.start(process.execPath, [main, "serve"], {
      logFile: this.logFile,
      cwd: repositoryRoot,
      env: { ENTREPOT_CONFIG: this.configuration },
    });
    this.#daemon = daemon;
    await until("entrepot to answer /v2/", 20_000, async () => {
      if (!daemon.isRunning()) throw new Error("entrepot ended at its start");
      const answer = await fetch(`http://127.0.0.1:${this.port}/v2/`).catch(() => undefined);
      // 401 where pushes are taken: clients ask for a token then.
      return answer?.status === 200 || answer?.status === 401;
    });
  }

  /** What a command of the same program prints; `accepts` are the exit codes that are no failure. */
  command(args: readonly string[], accepts: readonly number[] = [0]): Promise<string> {
    const env = { ENTREPOT_CONFIG: this.configuration };
    return this.#processes.run(process.execPath, [main, ...args], { cwd: repositoryRoot, env, accepts });
  }

  async stop(): Promise<void> {
    await this.#daemon?.end();
    this.#daemon = undefined;
  }

  #yaml(freshFor: string): string {
    const upstream = `{ endpoints: ["http://127.0.0.1:${this.#upstreamPort}"] }`;
    return [
      `listen: 127.0.0.1:${this.port}`,
      `admin: { listen: 127.0.0.1:${this.adminPort} }`,
      `dataDir: ${join(this.#directory, "data")}`,
      `defaultUpstream: ${hub}`,
      `tags: { freshFor: ${freshFor} }`,
      `upstreams:`,
      `  ${hub}: ${upstream}`,
      `  ${elsewhere}: ${upstream}`,
      ...this.#upstreams,
      "",
    ].join("\n");
  }
}
