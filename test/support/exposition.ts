/** One metric of the text format of Prometheus: its type, and its label names with the values that occur. */
export interface ExposedMetric {
  type: string;
  help: string;
  labels: Map<string, Set<string>>;
}

/** Reads the text format (exposition formats, version 0.0.4). Parts of a histogram belong to it, without `le`. */
export function parseExposition(text: string): Map<string, ExposedMetric> {
  const metrics = new Map<string, ExposedMetric>();
  for (const line of text.split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "HELP") metrics.set(name, { type: "", help: rest, labels: new Map() });
    if (keyword === "TYPE") Object.assign(metrics.get(name) ?? {}, { type: rest });
    const [, series = "", labels = ""] = /^([a-z_]\w*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    const metric = metrics.get(series) ?? metrics.get(series.replace(/_(bucket|sum|count)$/, ""));
    if (metric) addLabels(metric, labels);
  }
  return metrics;
}

function addLabels(metric: ExposedMetric, labels: string): void {
  for (const [, name = "", value = ""] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    if (name === "le") continue;
    const values = metric.labels.get(name) ?? new Set();
    metric.labels.set(name, values.add(value));
  }
}
