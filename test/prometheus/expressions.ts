// Every expression of the dashboards, the alerts and the recording rules, as it is asked for.
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import { clientFamilies } from "../../src/telemetry/index.ts";
import { queryOf, readDashboards, shownPanels, type Dashboard, type DashboardVariable } from "../support/dashboards.ts";
import { scrapeSeconds, type RunningPrometheus } from "./prometheus.ts";

export interface Expression {
  /** Where it comes from. */
  source: string;
  expr: string;
  /** At one moment; else over the whole run. */
  isInstant: boolean;
}

/** Seconds between two points of a curve. */
export const stepSeconds = 5;

/**
 * As Grafana's documentation of the Prometheus data source has it ("Use interval and range variables"): the larger of the step and a
 * scrape together, and four scrapes.
 */
const rateIntervalSeconds = Math.max(stepSeconds + scrapeSeconds, 4 * scrapeSeconds);

export async function dashboardExpressions(prometheus: RunningPrometheus, rangeSeconds: number): Promise<Expression[]> {
  const dashboards = await readDashboards();
  const found = dashboards.map(async ([file, dashboard]) => {
    const fill = await substitution(prometheus, dashboard, rangeSeconds);
    const panels = shownPanels(dashboard).flatMap(({ title, targets = [] }) =>
      targets.map(({ refId, expr, instant }) => ({
        source: `${file}: ${title} ${refId}`,
        expr: fill(expr),
        isInstant: instant,
      })),
    );
    const annotations = dashboard.annotations.list.flatMap(({ name, expr }) =>
      expr === undefined ? [] : { source: `${file}: annotation ${name}`, expr: fill(expr), isInstant: false },
    );
    return [...panels, ...annotations];
  });
  return (await Promise.all(found)).flat();
}

/** Variables are filled as Grafana does: one value as it is, "All" as the alternatives of a regular expression. */
async function substitution(
  prometheus: RunningPrometheus,
  { templating }: Dashboard,
  rangeSeconds: number,
): Promise<(text: string) => string> {
  const values = new Map([
    ["__rate_interval", `${rateIntervalSeconds}s`],
    ["__interval", `${stepSeconds}s`],
    ["__range", `${rangeSeconds}s`],
  ]);
  const fill = (text: string): string => text.replace(/\$(\w+)/g, (whole, name: string) => values.get(name) ?? whole);
  for (const variable of templating.list) {
    if (variable.type === "datasource") continue;
    const found = await valuesOf(prometheus, variable, fill);
    if (found.length === 0) throw new Error(`the variable ${variable.name} has no values`);
    values.set(variable.name, variable.multi ? `(${found.map(escaped).join("|")})` : String(found[0]));
  }
  return fill;
}

async function valuesOf(
  prometheus: RunningPrometheus,
  variable: DashboardVariable,
  fill: (text: string) => string,
): Promise<string[]> {
  if (variable.type === "custom") return queryOf(variable).split(",");
  const [, selector = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(queryOf(variable)) ?? [];
  return prometheus.labelValues(label, fill(selector));
}

/** For a string of PromQL, in which a backslash stands for itself only when it is doubled. */
function escaped(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, "\\\\$&");
}

interface Rule {
  record?: string;
  alert?: string;
  expr: string;
}

async function rules(name: string): Promise<Rule[]> {
  const { groups } = parse(await readFile(`deploy/prometheus/${name}`, "utf8")) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

/** What each recording rule has recorded. */
export async function recordedExpressions(): Promise<Expression[]> {
  const recording = await rules("recording-rules.yaml");
  return recording.map(({ record = "" }) => ({ source: `recording-rules.yaml`, expr: record, isInstant: false }));
}

/**
 * An alert's expression has data only while it fires. What it compares must have data always: its operands of and, or and unless one
 * by one, without their comparisons with a number, and instead of absent(x) x itself.
 */
export async function alertExpressions(): Promise<Expression[]> {
  const alerts = await rules("alerts.yaml");
  return alerts.flatMap(({ alert = "", expr }) =>
    operands(expr).map((operand) => ({ source: `alerts.yaml: ${alert}`, expr: operand, isInstant: false })),
  );
}

function operands(expr: string): string[] {
  return expr
    .split(/^\s*(?:and|or|unless)(?: on \([^)]*\))?\s*$/m)
    .map((operand) => operand.trim())
    .map((operand) => operand.replace(/ (?:[=!]=|[<>]=?) [\d.]+/g, "").replace(/^absent\((.*)\)$/, "$1"));
}

/** What the load is for: each must have been above 0 at some time. */
export function movedExpressions(): Expression[] {
  const counts = [
    ...["hit", "stale", "filled", "collapsed", "uncached", "absent", "refused", "error"].map(
      (outcome) => `requests_total{outcome="${outcome}"}`,
    ),
    ...clientFamilies.map((client) => `last_request_timestamp_seconds{client="${client}"}`),
    ...["2xx", "401", "404", "429", "5xx", "none"].map((status) => `upstream_requests_total{status="${status}"}`),
    ...["budget", "range"].map((reason) => `uncached_passes_total{reason="${reason}"}`),
    'upstream_breaker_open{upstream="quay.io"}',
    'upstream_quota_remaining{upstream="docker.io"}',
    'upstream_credential_failures_total{upstream="lab.test"}',
    ...["retries", "resumes", "tokens"].map((what) => `upstream_${what}_total`),
    ...[
      "flights",
      "flight_followers",
      "store_reserved_bytes",
      "leases",
      "evictions_total",
      "evicted_bytes_total",
      "saved_bytes_total",
    ],
    ...["verify_failures_total", "corrupt_blobs_total", "quarantined_blobs_total", "unexpected_credentials_total"],
    "index_write_duration_seconds_count",
  ];
  return counts.map((series) => ({ source: "the load", expr: `sum(entrepot_${series}) > 0`, isInstant: false }));
}
