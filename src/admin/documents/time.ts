/** A time in RFC 3339, `2026-01-02T03:04:05.000Z`. */
export type Time = string;

/** Of ms since the epoch; null where it is not known. */
export function formatTime(ms: number): Time;
export function formatTime(ms: number | undefined): Time | null;
export function formatTime(ms: number | undefined): Time | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
