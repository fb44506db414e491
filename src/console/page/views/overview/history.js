/** @typedef {import("../../documents.d.ts").HistoryPoint} HistoryPoint */
/** @typedef {"requests" | "hits" | "stale" | "filled" | "errors" | "servedBytes" | "savedBytes" | "fetchedBytes"} Counted */

/** How much of the past is shown, and in what steps, so that a chart has some sixty of them. */
export const ranges = [
  { name: "1 hour", steps: 60, stepSeconds: 60 },
  { name: "6 hours", steps: 72, stepSeconds: 300 },
  { name: "24 hours", steps: 96, stepSeconds: 900 },
];

/** @typedef {{ time: number, counts: Record<Counted, number>, isKnown: boolean }} Step */

/** @type {Counted[]} */
const counted = ["requests", "hits", "stale", "filled", "errors", "servedBytes", "savedBytes", "fetchedBytes"];

/**
 * The past in even steps, the unfinished one last; where the instance tells of nothing, nothing happened, or it did not run.
 * @param {readonly HistoryPoint[]} points
 * @param {{ steps: number, stepSeconds: number }} range
 * @returns {Step[]}
 */
export function stepsOf(points, { steps, stepSeconds }) {
  const newest = points.at(-1);
  const end = Math.floor((newest ? Date.parse(newest.at) : Date.now()) / 1000 / stepSeconds);
  const first = Math.floor(Date.parse(points[0]?.at ?? new Date().toISOString()) / 1000 / stepSeconds);
  const result = Array.from({ length: steps }, (_none, index) => {
    const number = end - steps + 1 + index;
    return { time: number * stepSeconds, counts: noCounts(), isKnown: number >= first };
  });
  for (const point of points) {
    const step = result[Math.floor(Date.parse(point.at) / 1000 / stepSeconds) - (end - steps + 1)];
    if (step) for (const name of counted) step.counts[name] += point[name];
  }
  return result;
}

/**
 * @param {readonly Step[]} steps
 * @param {Counted} name
 */
export function sumOf(steps, name) {
  return steps.reduce((sum, { counts }) => sum + counts[name], 0);
}

/** @returns {Record<Counted, number>} */
function noCounts() {
  return { requests: 0, hits: 0, stale: 0, filled: 0, errors: 0, servedBytes: 0, savedBytes: 0, fetchedBytes: 0 };
}
