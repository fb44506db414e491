/** An amount of storage: bytes, or a share of the file system between 0 and 1. */
export type Amount = { kind: "bytes"; bytes: number } | { kind: "share"; share: number };

const sizeUnits: readonly [unit: string, bytes: number][] = [
  ["PiB", 1024 ** 5],
  ["TiB", 1024 ** 4],
  ["GiB", 1024 ** 3],
  ["MiB", 1024 ** 2],
  ["KiB", 1024],
  ["PB", 1e15],
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["KB", 1e3],
  ["B", 1],
];

const durationUnits: readonly [unit: string, ms: number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** `10GiB`, `1.5 MB`, or plain bytes (`1048576`, also as a number) → bytes. Undefined where it is not a size. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === "number") return isCount(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim()) ?? [];
  const factor = unit === "" ? 1 : sizeUnits.find(([name]) => name.toLowerCase() === unit?.toLowerCase())?.[1];
  return factor === undefined ? undefined : scaled(number, factor);
}

/** Bytes → the shortest text that `parseSize` reads back as the same number. */
export function formatSize(bytes: number): string {
  const [unit, factor] = sizeUnits.find(([, size]) => bytes > 0 && bytes % size === 0) ?? ["B", 1];
  return unit === "B" ? String(bytes) : `${bytes / factor}${unit}`;
}

/** `10%` → 0.1. Undefined outside 0 % to 100 %. */
export function parseShare(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const number = /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim())?.[1];
  return number === undefined || Number(number) > 100 ? undefined : Number(number) / 100;
}

/** Without the rounding of binary fractions. */
export function formatShare(share: number): string {
  return `${Number((share * 100).toPrecision(12))}%`;
}

/** A size or a share. */
export function parseAmount(value: unknown): Amount | undefined {
  const share = parseShare(value);
  if (share !== undefined) return { kind: "share", share };
  const bytes = parseSize(value);
  return bytes === undefined ? undefined : { kind: "bytes", bytes };
}

export function formatAmount(amount: Amount): string {
  return amount.kind === "share" ? formatShare(amount.share) : formatSize(amount.bytes);
}

/** `500ms`, `30s`, `5m`, `2h`, `1d`, or a bare 0 → milliseconds. A bare number is refused: its unit would be a guess. */
export function parseDuration(value: unknown): number | undefined {
  if (value === 0 || value === "0") return 0;
  if (typeof value !== "string") return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(value.trim()) ?? [];
  const factor = durationUnits.find(([name]) => name === unit)?.[1];
  return factor === undefined ? undefined : scaled(number, factor);
}

/** Milliseconds → the shortest text that `parseDuration` reads back as the same number. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  const [unit, factor] = durationUnits.find(([, size]) => ms % size === 0) ?? ["ms", 1];
  return `${ms / factor}${unit}`;
}

/** `1KiB/s`, or plain bytes per second → bytes per second. */
export function parseRate(value: unknown): number | undefined {
  return parseSize(typeof value === "string" ? value.trim().replace(/\s*\/\s*s$/, "") : value);
}

export function formatRate(bytesPerSecond: number): string {
  return bytesPerSecond === 0 ? "0" : `${formatSize(bytesPerSecond)}/s`;
}

function scaled(number: string | undefined, factor: number): number | undefined {
  const value = Math.round(Number(number) * factor);
  return isCount(value) ? value : undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
