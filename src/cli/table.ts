/** Rows as lines of aligned columns; those of text (the first, unless it is said) to the left, those of numbers to the right. */
export function formatTable(rows: readonly (readonly string[])[], textColumns: readonly number[] = [0]): string {
  const widths = rows.reduce<number[]>(
    (known, row) =>
      row.map((cell, column) => Math.max(known[column] ?? 0, cell.length)).concat(known.slice(row.length)),
    [],
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        textColumns.includes(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes for people: `12.3 GiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${units[power] ?? "B"}`;
}

/** `37 s`, `12 min`, `5 h 3 min`, `4 d 2 h`. */
export function formatElapsed(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${Math.floor(seconds)} s`;
  if (hours === 0) return `${minutes} min`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A time in RFC 3339 for people: `2026-01-02 03:04:05Z`. */
export function formatTime(time: string): string {
  return time.replace("T", " ").replace(/\.\d+/, "");
}

/** `12.3 %`; a dash where there is no whole to be part of. */
export function formatPart(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((part / whole) * 100).toFixed(1)} %`;
}
