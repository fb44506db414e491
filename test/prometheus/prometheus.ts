// A real Prometheus with the rules of deploy/prometheus, and what is asked of it.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { binary, freePort, until, type ChildProcesses } from "../clients/child-processes.ts";

const deployed = resolve("deploy/prometheus");

/** Seconds between two scrapes, and between two evaluations of the rules. */
export const scrapeSeconds = 1;

export interface Series {
  metric: Record<string, string>;
  values: number[];
}

interface Matrix {
  metric: Record<string, string>;
  value?: [number, string];
  values?: [number, string][];
}

export interface RunningPrometheus {
  /** At one moment, in seconds since the epoch. */
  query(expr: string, at: number): Promise<Series[]>;
  queryRange(expr: string, range: { from: number; to: number; stepSeconds: number }): Promise<Series[]>;
  labelValues(label: string, selector: string): Promise<string[]>;
  /** Names of rules that could not be evaluated, with the error. */
  failedRules(): Promise<string[]>;
}

/** @param history - In the format of OpenMetrics: what Prometheus is to remember from before. */
export async function startPrometheus(
  processes: ChildProcesses,
  directory: string,
  { target, history }: { target: string; history: string },
): Promise<RunningPrometheus> {
  mkdirSync(directory, { recursive: true });
  const storage = join(directory, "tsdb");
  remember(directory, storage, history);
  const config = join(directory, "prometheus.yaml");
  writeFileSync(config, stringify(configuration(target)));
  const listen = `127.0.0.1:${await freePort()}`;
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${storage}`, `--web.listen-address=${listen}`];
  const daemon = processes.start(binary("prometheus"), args, { logFile: join(directory, "prometheus.log") });
  await until("Prometheus to be ready", 30_000, async () => {
    if (!daemon.isRunning()) throw new Error(`Prometheus ended: see ${directory}/prometheus.log`);
    return (await fetch(`http://${listen}/-/ready`).catch(() => undefined))?.ok ?? false;
  });
  return client(`http://${listen}/api/v1`);
}

/** The example with this target, quicker. */
function configuration(target: string): unknown {
  const example = parse(readFileSync(join(deployed, "prometheus.yaml"), "utf8")) as {
    rule_files: string[];
    scrape_configs: Record<string, unknown>[];
  };
  const interval = `${scrapeSeconds}s`;
  return {
    ...example,
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: example.rule_files.map((name) => join(deployed, name)),
    scrape_configs: example.scrape_configs.map((job) => ({ ...job, static_configs: [{ targets: [target] }] })),
  };
}

function remember(directory: string, storage: string, history: string): void {
  const file = join(directory, "history.om");
  writeFileSync(file, history);
  const made = spawnSync(binary("promtool"), ["tsdb", "create-blocks-from", "openmetrics", file, storage]);
  if (made.status !== 0) throw new Error(`promtool could not write the history: ${made.stderr.toString()}`);
}

function client(api: string): RunningPrometheus {
  const ask = async (path: string, parameters: Record<string, string>): Promise<unknown> => {
    const response = await fetch(`${api}/${path}?${new URLSearchParams(parameters).toString()}`);
    const { status, data, error } = (await response.json()) as { status: string; data: unknown; error?: string };
    if (status !== "success") throw new Error(error ?? status);
    return data;
  };
  const series = (data: unknown): Series[] => {
    const { result } = data as { result: Matrix[] };
    return result.map(({ metric, value, values }) => ({
      metric,
      values: (values ?? (value ? [value] : [])).map(([, text]) => Number(text)),
    }));
  };
  return {
    query: async (query, at) => series(await ask("query", { query, time: String(at) })),
    queryRange: async (query, { from, to, stepSeconds }) =>
      series(await ask("query_range", { query, start: String(from), end: String(to), step: String(stepSeconds) })),
    labelValues: async (label, selector) => (await ask(`label/${label}/values`, { "match[]": selector })) as string[],
    async failedRules() {
      const { groups } = (await ask("rules", {})) as {
        groups: { rules: { name: string; health: string; lastError?: string }[] }[];
      };
      const rules = groups.flatMap((group) => group.rules);
      return rules
        .filter(({ health }) => health !== "ok")
        .map(({ name, lastError }) => `${name}: ${String(lastError)}`);
    },
  };
}
