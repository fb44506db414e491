import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool, type Dispatcher } from "undici";
import { stringify } from "yaml";
import { startApp, type App } from "../../src/app.ts";
import { loadSettings, type Settings } from "../../src/config/index.ts";
import { createLogger } from "../../src/telemetry/index.ts";
import { writeFile } from "node:fs/promises";
import type { Clock } from "../../src/cache/index.ts";

export interface Reply {
  status: number;
  headers: Dispatcher.ResponseData["headers"];
  body: Buffer;
  /** Whether the connection ended before the announced length. */
  isShort: boolean;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  signal?: AbortSignal;
}

/** entrepot as a test sees it: the whole application in this process, over real sockets and a real disk. */
export interface Instance {
  readonly url: string;
  readonly adminUrl: string;
  readonly directory: string;
  readonly app: App;
  /** Lines of the log, parsed. */
  readonly log: Record<string, unknown>[];
  ask(path: string, options?: AskOptions): Promise<Reply>;
  /** The response header, with the body still to be read. */
  open(path: string, options?: AskOptions): Promise<Dispatcher.ResponseData>;
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  /** Resolves when no fill runs any more: a client has its last byte before the file is committed. */
  settled(): Promise<void>;
  /** Names of staging files. */
  staging(): Promise<string[]>;
  stop(): Promise<void>;
  /** Stops, and starts again on the same data directory. */
  restart(): Promise<Instance>;
  /** Writes the configuration anew, for a reload. */
  configure(settings: Record<string, unknown>): Promise<void>;
  /** Stops if it runs, and removes the data directory. */
  remove(): Promise<void>;
}

export interface InstanceOptions {
  /** The YAML document of the configuration as an object; listeners and data directory are added. */
  settings: Record<string, unknown>;
  clock?: Clock;
  directory?: string;
  /** Of the configuration; by default empty. */
  environment?: NodeJS.ProcessEnv;
}

export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "entrepot-test-")));
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: "info",
    format: "json",
    destination: { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const file = join(directory, "entrepot.yaml");
  const configure = async (given: Record<string, unknown>): Promise<void> => {
    const document = {
      listen: "127.0.0.1:0",
      admin: { listen: "127.0.0.1:0" },
      dataDir: join(directory, "data"),
      storage: { maxSize: "10GiB", minFree: "1MiB" },
      ...given,
    };
    await writeFile(file, stringify(document));
  };
  await configure(options.settings);
  const readSettings = (): Settings => loadSettings({ file, environment: options.environment ?? {} });
  const settings = readSettings();
  const app = await startApp(settings, {
    logger,
    version: "0.0.0-test",
    readSettings,
    ...(options.clock && { clock: options.clock }),
  });
  const url = `${settings.tls ? "https" : "http"}://${String(app.addresses.pull[0])}`;
  const connect = settings.tls && { ca: settings.tls.identity.cert };
  const pool = new Pool(url, {
    connections: 128,
    bodyTimeout: 20_000,
    headersTimeout: 20_000,
    ...(connect && { connect }),
  });
  let isRunning = true;
  const instance: Instance = {
    url,
    adminUrl: `http://${String(app.addresses.admin[0])}`,
    directory,
    app,
    log,
    ask: (path, ask = {}) => askWhole(pool, path, ask),
    open: (path, ask = {}) => request(pool, path, ask),
    metric: (name, labels = {}) => readMetric(instance.adminUrl, name, labels),
    async settled() {
      while ((await instance.metric("entrepot_flights")) > 0);
    },
    async staging() {
      return (await readdir(join(directory, "data", "ingest"))).filter((name) => name.endsWith(".part"));
    },
    async stop() {
      if (!isRunning) return;
      isRunning = false;
      await pool.destroy();
      await app.stop();
    },
    configure,
    async restart() {
      await instance.stop();
      return startInstance({ ...options, directory });
    },
    async remove() {
      await instance.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return instance;
}

function request(
  pool: Pool,
  path: string,
  { method = "GET", headers = {}, body, signal }: AskOptions,
): Promise<Dispatcher.ResponseData> {
  return pool.request({
    path,
    method: method,
    headers,
    ...(body !== undefined && { body }),
    ...(signal && { signal }),
  });
}

export async function askWhole(pool: Pool, path: string, options: AskOptions): Promise<Reply> {
  const response = await request(pool, path, options);
  const chunks: Buffer[] = [];
  let isShort = false;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch {
    isShort = true;
  }
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks), isShort };
}

export async function readMetric(adminUrl: string, name: string, labels: Record<string, string>): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const fitting = lines.filter((line) => wanted.every((label) => line.includes(label)));
  return fitting.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
