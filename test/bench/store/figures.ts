/** One figure of a store of one size. */
export interface Figure {
  name: string;
  unit: "µs" | "ms" | "s" | "MiB" | "/s" | "";
  /** What it should stay under, in the same unit. */
  aim?: number;
  value: number;
}

/** Of sorted or unsorted values; 0 where there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)] ?? 0;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The median and the 99th of a hundred, as two figures. */
export function spread(name: string, unit: Figure["unit"], values: readonly number[], aim?: number): Figure[] {
  return [
    { name: `${name}, p50`, unit, value: median(values) },
    { name: `${name}, p99`, unit, value: quantile(values, 0.99), ...(aim !== undefined && { aim }) },
  ];
}

/** The figures of stores of several sizes side by side, with the ratio of the last to the first. */
export function formatFigures(sizes: readonly number[], columns: readonly (readonly Figure[])[]): string {
  const [first = [], ...others] = columns;
  const last = others.at(-1);
  const header = ["", "aim", ...sizes.map((size) => `${size.toLocaleString("en")} blobs`), ...(last ? ["ratio"] : [])];
  const rows = first.map((figure) => {
    const { name, unit, aim } = figure;
    const values = columns.map((column) => column.find((other) => other.name === name)?.value);
    const ratio = (values.at(-1) ?? Number.NaN) / figure.value;
    return [
      unit === "" ? name : `${name} (${unit})`,
      aim === undefined ? "" : `< ${aim}`,
      ...values.map((value) => (value === undefined ? "-" : formatValue(value))),
      ...(last ? [Number.isFinite(ratio) ? `${ratio.toFixed(1)} x` : "-"] : []),
    ];
  });
  return alignColumns([header, ...rows]);
}

function formatValue(value: number): string {
  if (value === 0) return "0";
  if (Number.isInteger(value) || value >= 100) return value.toFixed(0);
  return value < 1 ? value.toFixed(3) : value.toFixed(1);
}

function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
  return lines.map((line) => `# ${line.trimEnd()}`).join("\n");
}
