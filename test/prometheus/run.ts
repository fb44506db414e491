// npm run test:prometheus: a real Prometheus scrapes entrepot under load, and every expression that we ship must have data there.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { binary, ChildProcesses, tailOf } from "../clients/child-processes.ts";
import { createScratchDirectory, removeScratchDirectory } from "../clients/scratch-directory.ts";
import { startScene, type Scene } from "./entrepot.ts";
import {
  alertExpressions,
  dashboardExpressions,
  movedExpressions,
  recordedExpressions,
  stepSeconds,
  type Expression,
} from "./expressions.ts";
import { Load } from "./load.ts";
import { startPrometheus, type RunningPrometheus } from "./prometheus.ts";

const loadMs = 40_000;
const daySeconds = 86_400;

let passed = 0;
const failures: string[] = [];

function report(what: string, fault: string | undefined, detail = ""): void {
  if (fault === undefined) passed += 1;
  else failures.push(`${what}: ${fault}`);
  console.log(fault === undefined ? `ok      ${what}  ${detail}` : `FAILED  ${what}: ${fault}`);
}

function promtool(args: readonly string[], input?: string): void {
  const { status, stdout, stderr } = spawnSync(binary("promtool"), args, { cwd: "deploy/prometheus", input });
  const said = `${stdout.toString()}${stderr.toString()}`;
  report(`promtool ${args.join(" ")}`, status === 0 ? undefined : said);
}

/** `promtool check metrics` finds fault with names of prom-client's own; ours are what we can answer for. */
async function checkMetrics({ adminUrl }: Scene): Promise<void> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const ours = text.split("\n").filter((line) => /^(?:# (?:HELP|TYPE) )?entrepot_/.test(line));
  promtool(["check", "metrics"], `${ours.join("\n")}\n`);
}

/** Clients that asked at this hour yesterday and a week ago, which EntrepotBypassed compares with. */
function history({ adminUrl }: Scene): string {
  const name = "instance_client:entrepot_requests:increase1h";
  const now = Math.floor(Date.now() / 1000);
  const labels = `job="entrepot",instance="${new URL(adminUrl).host}",client="containerd"`;
  const around = [7, 1].flatMap((days) =>
    Array.from({ length: 40 }, (_, minute) => now - days * daySeconds + (minute - 20) * 60),
  );
  const lines = around.map((at) => `${name}{${labels}} 60 ${at}`);
  return [`# TYPE ${name} gauge`, ...lines, "# EOF", ""].join("\n");
}

interface Range {
  from: number;
  to: number;
}

/** What is wrong with the data of an expression, or how much of it there is. */
async function look(
  prometheus: RunningPrometheus,
  { expr, isInstant }: Expression,
  range: Range,
): Promise<{ fault?: string; found: string }> {
  try {
    const series = await (isInstant
      ? prometheus.query(expr, range.to)
      : prometheus.queryRange(expr, { ...range, stepSeconds }));
    const numbers = series.flatMap(({ values }) => values.filter(Number.isFinite));
    const found = `${series.length} series, at most ${String(Math.max(...numbers))}`;
    return numbers.length > 0 ? { found } : { fault: `${series.length} series and no number`, found };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error), found: "" };
  }
}

async function evaluate(prometheus: RunningPrometheus, expression: Expression, range: Range): Promise<void> {
  const { fault, found } = await look(prometheus, expression, range);
  report(`${expression.source}  ${expression.expr.replaceAll(/\s+/g, " ")}`, fault, `→ ${found}`);
}

/** A run that finds data everywhere must find none where there is none. */
async function evaluatePlanted(prometheus: RunningPrometheus, range: Range): Promise<void> {
  const planted = { source: "", expr: "sum(rate(entrepot_invented_total[1m]))", isInstant: false };
  const { fault } = await look(prometheus, planted, range);
  report("an expression without data is found", fault === undefined ? "it was not" : undefined);
}

async function main(processes: ChildProcesses, scratch: string): Promise<void> {
  promtool(["check", "config", "prometheus.yaml"]);
  promtool(["check", "rules", "recording-rules.yaml", "alerts.yaml"]);
  promtool(["test", "rules", "rules.test.yaml", "rules-days.test.yaml"]);
  const scene = await startScene(join(scratch, "entrepot"));
  try {
    const target = new URL(scene.adminUrl).host;
    const prometheus = await startPrometheus(processes, join(scratch, "prometheus"), {
      target,
      history: history(scene),
    });
    const from = Math.floor(Date.now() / 1000);
    await new Load(scene).run(loadMs);
    const to = Math.floor(Date.now() / 1000);
    await checkMetrics(scene);
    const failed = await prometheus.failedRules();
    report("every rule is evaluated", failed.length > 0 ? failed.join("; ") : undefined);
    const range = { from, to };
    await evaluatePlanted(prometheus, range);
    const dashboards = await dashboardExpressions(prometheus, to - from);
    const rules = [...(await recordedExpressions()), ...(await alertExpressions())];
    for (const expression of [...movedExpressions(), ...dashboards, ...rules]) {
      await evaluate(prometheus, expression, range);
    }
  } finally {
    await scene.stop();
  }
}

const scratch = createScratchDirectory();
const processes = new ChildProcesses(scratch);
try {
  await main(processes, scratch);
} catch (error) {
  report("the run", error instanceof Error ? (error.stack ?? error.message) : String(error));
  console.log(tailOf(join(scratch, "prometheus", "prometheus.log"), 0).join("\n"));
} finally {
  await processes.endAll();
  removeScratchDirectory(scratch);
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
