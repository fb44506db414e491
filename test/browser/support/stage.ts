import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, onTestFinished } from "vitest";
import { freePort } from "../../clients/child-processes.ts";
import { InstanceProcesses, type InstanceProcess } from "../../support/instance-process.ts";
import { pull, type PullOptions } from "../../support/pull.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";

export interface StageOptions {
  /** Names that all lead to the scripted upstream; by default docker.io. */
  upstreams?: readonly string[];
  /** Of the configuration, all but the upstreams. */
  settings?: Record<string, unknown>;
  /** How far the instance's clock is ahead of the real one; negative: behind. */
  skippedMs?: number;
}

/** An instance in a process of its own, on a port that it keeps, before a scripted upstream. */
export class Stage {
  readonly upstream: TestUpstream;
  readonly #processes: InstanceProcesses;
  readonly #options: { directory: string; settings: Record<string, unknown>; skippedMs: number };
  #instance: InstanceProcess;

  private constructor(
    upstream: TestUpstream,
    processes: InstanceProcesses,
    instance: InstanceProcess,
    options: { directory: string; settings: Record<string, unknown>; skippedMs: number },
  ) {
    this.upstream = upstream;
    this.#processes = processes;
    this.#instance = instance;
    this.#options = options;
  }

  static async open(
    processes: InstanceProcesses,
    { upstreams = ["docker.io"], settings = {}, skippedMs = 0 }: StageOptions,
  ): Promise<Stage> {
    const upstream = await startUpstream();
    const directory = await mkdtemp(join(tmpdir(), "entrepot-browser-"));
    const options = {
      directory,
      skippedMs,
      settings: {
        admin: { listen: `127.0.0.1:${await freePort()}` },
        upstreams: Object.fromEntries(upstreams.map((name) => [name, { endpoints: [upstream.url] }])),
        ...settings,
      },
    };
    return new Stage(upstream, processes, await processes.start(options), options);
  }

  get instance(): InstanceProcess {
    return this.#instance;
  }

  /** Of the page, without a token. */
  get url(): string {
    return this.#instance.adminUrl;
  }

  /**
   * Pulls as a client does, by default containerd.
   * @param repository - `library/alpine`, or with an upstream before it.
   * @throws Error where that fails.
   */
  async pull(
    repository: string,
    reference: string,
    { userAgent = "containerd/v2.1.4", ...options }: PullOptions & { userAgent?: string } = {},
  ): Promise<void> {
    const client = {
      ask: (path: string, { headers = {} } = {}) => {
        return this.#instance.ask(path, { headers: { "user-agent": userAgent, ...headers } });
      },
    };
    const { broken } = await pull(client, repository, reference, options);
    if (broken.length > 0) throw new Error(`${repository}:${reference} could not be pulled: ${JSON.stringify(broken)}`);
  }

  kill(): Promise<void> {
    return this.#instance.kill();
  }

  /** Starts again on the same data and the same port. */
  async start(): Promise<void> {
    this.#instance = await this.#processes.start(this.#options);
  }

  async close(): Promise<void> {
    await this.#instance.kill();
    await this.upstream.close();
    await rm(this.#options.directory, { recursive: true, force: true });
  }
}

/** Opens stages that are closed after the test, and after what visits them. */
export function useStages(): (options?: StageOptions) => Promise<Stage> {
  const processes = new InstanceProcesses();
  afterAll(() => processes.close());
  return async (options = {}) => {
    const stage = await Stage.open(processes, options);
    onTestFinished(() => stage.close());
    return stage;
  };
}
