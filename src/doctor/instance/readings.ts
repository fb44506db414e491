import type { ClientFamily } from "../../telemetry/index.ts";

interface Sample {
  labels: ReadonlyMap<string, string>;
  value: number;
}

/** The series of the running instance by their names, without `entrepot_`. */
export type Readings = ReadonlyMap<string, readonly Sample[]>;

const line = /^entrepot_([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/;
const label = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** Reads the text format of Prometheus, as far as it is entrepot's own. */
export function parseReadings(text: string): Readings {
  const readings = new Map<string, Sample[]>();
  for (const each of text.split("\n")) {
    const [, name, labels = "", value] = line.exec(each) ?? [];
    if (name === undefined) continue;
    const sample = { labels: new Map([...labels.matchAll(label)].map(labelOf)), value: Number(value) };
    readings.set(name, [...(readings.get(name) ?? []), sample]);
  }
  return readings;
}

/** Seconds since the epoch at which a client of the family last asked for something; 0 for never. */
export function lastRequestOf(readings: Readings, family: ClientFamily): number | undefined {
  const samples = readings.get("last_request_timestamp_seconds") ?? [];
  return samples.find(({ labels }) => labels.get("client") === family)?.value;
}

function labelOf([, name = "", value = ""]: RegExpMatchArray): [string, string] {
  return [name, value.replaceAll(/\\(.)/g, "$1")];
}

/** The value of a series without labels. */
export function valueOf(readings: Readings, name: string): number | undefined {
  return readings.get(name)?.[0]?.value;
}
