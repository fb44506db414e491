import { fill, h } from "../../dom.js";
import { countOf, formatBytes, formatPart } from "../../format.js";
import { chart } from "../../parts/chart.js";
import { panel } from "../../parts/pieces.js";
import { ranges, stepsOf, sumOf } from "./history.js";

/** @typedef {import("../../documents.d.ts").HistoryPoint} HistoryPoint */

// Powers of 2, so that an axis has round figures.
const byteSteps = Array.from({ length: 50 }, (_none, power) => 2 ** power);

/** The hit ratio and the bytes over time. */
export function chartPanels() {
  const ratio = chart({
    label: "Share of requests answered from the cache",
    format: (value) => `${Math.round(value)} %`,
    max: 100,
    steps: [25, 50, 100],
  });
  const bytes = chart({ label: "Bytes per step", format: formatBytes, steps: byteSteps, isStacked: true });
  let range = ranges[0];
  /** @type {HistoryPoint[]} */
  let points = [];

  const draw = () => {
    if (!range) return;
    const steps = stepsOf(points, range);
    const times = steps.map(({ time }) => time);
    ratio.set({ times, ...ratioSeries(steps, range.name) });
    bytes.set({ times, ...byteSeries(steps, range.name) });
  };
  const choice = h("div", { class: "segments", role: "group", "aria-label": "Time shown" });
  const showChoice = () => {
    fill(
      choice,
      ranges.map((one) =>
        h("button", { type: "button", "aria-pressed": String(one === range), "data-range": one.name }, one.name),
      ),
    );
  };
  choice.addEventListener("click", (event) => {
    const name = event.target instanceof Element ? event.target.getAttribute("data-range") : null;
    const chosen = ranges.find((one) => one.name === name);
    if (!chosen) return;
    range = chosen;
    for (const button of choice.children) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-range") === name));
    }
    draw();
  });
  showChoice();
  return {
    elements: [
      panel("Hit ratio", { id: "ratio-title", note: choice, className: "span-2" }, ratio.element),
      panel("Bytes", { id: "bytes-title", className: "span-2" }, bytes.element),
    ],
    /** @param {HistoryPoint[]} next */
    set(next) {
      points = next;
      draw();
    },
    close() {
      ratio.close();
      bytes.close();
    },
  };
}

/**
 * @param {import("./history.js").Step[]} steps
 * @param {string} rangeName
 */
function ratioSeries(steps, rangeName) {
  const hits = sumOf(steps, "hits") + sumOf(steps, "stale");
  const requests = sumOf(steps, "requests");
  const values = steps.map(({ counts }) => {
    return counts.requests === 0 ? null : ((counts.hits + counts.stale) / counts.requests) * 100;
  });
  const summary =
    requests === 0
      ? `No request in the last ${rangeName}.`
      : `In the last ${rangeName}, ${formatPart(hits, requests)} of ${countOf(requests, "request")}.`;
  return { series: [{ name: "from the cache", colour: "--hit", values, total: formatPart(hits, requests) }], summary };
}

/**
 * @param {import("./history.js").Step[]} steps
 * @param {string} rangeName
 */
function byteSeries(steps, rangeName) {
  const valuesOf = (/** @type {import("./history.js").Counted} */ name) => {
    return steps.map(({ counts, isKnown }) => (isKnown ? counts[name] : null));
  };
  const saved = formatBytes(sumOf(steps, "savedBytes"));
  const fetched = formatBytes(sumOf(steps, "fetchedBytes"));
  return {
    series: [
      { name: "served without upstream", colour: "--hit", values: valuesOf("savedBytes"), total: saved },
      { name: "fetched from upstream", colour: "--fetch", values: valuesOf("fetchedBytes"), total: fetched },
    ],
    summary: `In the last ${rangeName}, ${saved} were served without upstream, and ${fetched} were fetched.`,
  };
}
