import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** The closed lists of labels: every combination exists at 0 from the start. */
export type LabelLists<L extends string> = Readonly<Record<L, readonly string[]>>;

/** Name (without `entrepot_`), help and labels of a metric. */
export interface Series<L extends string> {
  name: string;
  help: string;
  labels: LabelLists<L>;
}

/** 1 ms to 5 min: a hit from memory and a layer of gigabytes are both requests. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createCounter<L extends string>(registry: Registry, { name, help, labels }: Series<L>): Counter<L> {
  const counter = new Counter<L>({
    name: `entrepot_${name}`,
    help,
    labelNames: namesOf(labels),
    registers: [registry],
  });
  for (const values of combinations(labels)) counter.inc(values, 0);
  return counter;
}

export function createGauge<L extends string>(registry: Registry, { name, help, labels }: Series<L>): Gauge<L> {
  const gauge = new Gauge<L>({ name: `entrepot_${name}`, help, labelNames: namesOf(labels), registers: [registry] });
  for (const values of combinations(labels)) gauge.set(values, 0);
  return gauge;
}

/** A histogram of seconds. */
export function createHistogram<L extends string>(registry: Registry, { name, help, labels }: Series<L>): Histogram<L> {
  const labelNames = namesOf(labels);
  const histogram = new Histogram<L>({ name: `entrepot_${name}`, help, labelNames, buckets, registers: [registry] });
  for (const values of combinations(labels)) histogram.zero(values);
  return histogram;
}

/** The sum of a counter's series, or of those where `label` has `value`. */
export async function sumOf<L extends string>(counter: Counter<L>, label?: L, value?: string): Promise<number> {
  const { values } = await counter.get();
  return values
    .filter((series) => label === undefined || series.labels[label] === value)
    .reduce((sum, series) => sum + series.value, 0);
}

function namesOf<L extends string>(labels: LabelLists<L>): L[] {
  return Object.keys(labels) as L[];
}

function combinations<L extends string>(labels: LabelLists<L>): Record<L, string>[] {
  let found: Record<string, string>[] = [{}];
  for (const name of namesOf(labels)) {
    found = found.flatMap((values) => labels[name].map((value) => ({ ...values, [name]: value })));
  }
  return found;
}
