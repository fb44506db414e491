import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { machineFacts } from "./machine.ts";
import { formatWorkload } from "./report.ts";
import { judge, type ResultsFile } from "./results.ts";
import { measureWorkload, type RoundsOptions } from "./rounds.ts";
import type { Opening, Workload } from "./workload.ts";
import { workloads } from "./workloads/index.ts";

interface Wanted {
  chosen: readonly Workload[];
  rounds: number;
  isShort: boolean;
  origin: Opening["origin"];
  json: string;
}

/**
 * Measures workloads side by side, prints a table of each, and writes all samples to a file of JSON, which grows with
 * each workload. A figure never fails: what throws is a wrong answer.
 *
 * @param args - `[--short] [--rounds N] [--origin in-process|registry] [--json FILE] [names…]`
 */
export async function compare(args: readonly string[]): Promise<number> {
  const { chosen, json, ...options } = readArguments(args);
  const { rounds, isShort, origin } = options;
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new Error("interrupted: everything that was started has been ended"));
  // On, not once: npm hands a signal on that has come to all processes of the terminal already.
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  const startedAt = new Date().toISOString();
  const file: ResultsFile = { machine: machineFacts(), startedAt, isShort, rounds, origin, workloads: [] };
  try {
    for (const workload of chosen) {
      const how = { ...options, signal: interrupted.signal, onMeasured: (line: string) => console.error(line) };
      const results = await judged(workload, how);
      file.workloads.push(results);
      console.log(`${formatWorkload(results)}\n`);
      await writeFile(json, `${JSON.stringify(file, undefined, 1)}\n`);
    }
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
  console.log(`all samples: ${json}`);
  return 0;
}

async function judged(workload: Workload, options: RoundsOptions): Promise<ResultsFile["workloads"][number]> {
  const results = await measureWorkload(workload, options);
  return { ...results, goals: workload.goals.map((goal) => judge(goal, results)) };
}

function readArguments(args: readonly string[]): Wanted {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      short: { type: "boolean", default: false },
      rounds: { type: "string" },
      origin: { type: "string", default: "in-process" },
      json: { type: "string", default: join(tmpdir(), "entrepot-compare.json") },
    },
  });
  const { short: isShort, origin, json } = values;
  const rounds = Number(values.rounds ?? (isShort ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a number of rounds");
  if (origin !== "in-process" && origin !== "registry") throw new Error("--origin is in-process or registry");
  return { chosen: choose(positionals), rounds, isShort, origin, json: resolve(json) };
}

function choose(names: readonly string[]): readonly Workload[] {
  if (names.length === 0) return workloads;
  return names.map((name) => {
    const found = workloads.find((workload) => workload.name === name);
    if (found) return found;
    throw new Error(`no workload ${name}: there are ${workloads.map((workload) => workload.name).join(", ")}`);
  });
}
