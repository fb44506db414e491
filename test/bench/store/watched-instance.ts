import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { residentMemory } from "../measured-instance.ts";
import type { Listening, Pauses } from "./probe/protocol.ts";
import { writeSettings } from "./settings-file.ts";
import { Probe } from "./start-probe.ts";

const lookEveryMs = 20;

export interface WatchedOptions {
  dataDir: string;
  scrubEvery?: string;
}

/** entrepot in a process of its own that watches its event loop, with the admin API at hand. */
export class WatchedInstance {
  readonly url: string;
  readonly #home: string;
  readonly #probe: Probe<"serve">;
  readonly #listening: Listening;
  readonly #agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  readonly #log: LogWatch;

  private constructor(home: string, probe: Probe<"serve">, listening: Listening, dataDir: string) {
    this.url = listening.url;
    this.#home = home;
    this.#probe = probe;
    this.#listening = listening;
    this.#log = new LogWatch(dataDir);
  }

  static async start({ dataDir, ...options }: WatchedOptions): Promise<WatchedInstance> {
    const home = await mkdtemp(join(tmpdir(), "entrepot-bench-"));
    const configFile = await writeSettings({ home, dataDir, port: 0, ...options });
    const probe = await Probe.start("serve");
    const listening = (await probe.ask({ configFile })) as Listening;
    return new WatchedInstance(home, probe, listening, dataDir);
  }

  async takePauses(): Promise<Pauses> {
    return (await this.#probe.ask("pauses")) as Pauses;
  }

  /** Since this was last asked for. */
  takeCheckpoints(): { checkpoints: number; longestLogMiB: number } {
    return this.#log.take();
  }

  memory(): Promise<{ nowMiB: number; peakMiB: number }> {
    return residentMemory(this.#probe.child);
  }

  /** The answer of the admin API, parsed. */
  async admin<T>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T> {
    const response = await request(`${this.#listening.adminUrl}/api/v1${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#listening.adminToken}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (response.statusCode >= 300) throw new Error(`${path}: ${response.statusCode} ${await response.body.text()}`);
    return (await response.body.json()) as T;
  }

  async metric(name: string): Promise<number> {
    const { body } = await request(`${this.#listening.adminUrl}/metrics`, { dispatcher: this.#agent });
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await body.text())?.[1]);
  }

  async stop(): Promise<void> {
    await this.#probe.ask("stop");
    await this.#end("SIGTERM");
  }

  /** As a crash ends it; does nothing to one that has ended. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#log.stop();
    await this.#agent.destroy();
    await this.#probe.end(signal);
    await rm(this.#home, { recursive: true, force: true });
  }
}

/** Only checkpoints write to the index itself; what is committed meanwhile is in the log beside it. */
class LogWatch {
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  #writtenAt: number | undefined;
  #isWriting = false;
  #checkpoints = 0;
  #longest = 0;

  constructor(dataDir: string) {
    this.#path = join(dataDir, "index.db");
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  take(): { checkpoints: number; longestLogMiB: number } {
    const taken = { checkpoints: this.#checkpoints, longestLogMiB: this.#longest / 1024 ** 2 };
    this.#checkpoints = 0;
    this.#longest = 0;
    return taken;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const writtenAt = statSync(this.#path, { throwIfNoEntry: false })?.mtimeMs;
    const isWriting = this.#writtenAt !== undefined && writtenAt !== this.#writtenAt;
    if (isWriting && !this.#isWriting) this.#checkpoints += 1;
    this.#isWriting = isWriting;
    this.#writtenAt = writtenAt;
    const size = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    this.#longest = Math.max(this.#longest, size);
  }
}
