import { fill, h } from "../dom.js";
import { onThemeChange, themeColour } from "../theme.js";
import uPlot from "../vendor/uplot.js";
import { table } from "./table.js";

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {string} colour - The name of a colour of the theme.
 * @property {(number | null)[]} values
 * @property {string} total - Over all of the time that is shown, in words.
 */

/**
 * @typedef {object} ChartData
 * @property {number[]} times - In seconds since the epoch, even steps.
 * @property {Series[]} series
 * @property {string} summary - The chart in words.
 */

const height = 180;

/**
 * A chart over time. For who does not see it, it is its summary, and a table of its figures.
 * @param {{ label: string, format: (value: number) => string, max?: number, steps: number[], isStacked?: boolean }} how
 */
export function chart({ label, format, max, steps, isStacked = false }) {
  const canvas = h("div", { class: "chart-canvas", role: "img" });
  const legend = h("ul", { class: "legend" });
  const figures = h("div", { class: "figures" });
  const element = h("div", { class: "chart" }, legend, canvas, h("details", {}, h("summary", {}, "Figures"), figures));
  /** @type {uPlot | undefined} */
  let plot;
  /** @type {ChartData | undefined} */
  let data;
  let width = 0;

  const readout = (/** @type {number | null | undefined} */ index) => {
    if (data)
      fill(
        legend,
        data.series.map((series) => legendItem(series, index, format)),
      );
  };
  const draw = () => {
    plot?.destroy();
    plot = undefined;
    if (!data || width === 0) return;
    plot = new uPlot(
      options({ width, data, format, max, steps, isStacked, onCursor: readout }),
      aligned(data, isStacked),
      canvas,
    );
  };
  const observer = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry?.contentRect.width ?? 0);
    if (now === width) return;
    width = now;
    if (plot && width > 0) plot.setSize({ width, height });
    else draw();
  });
  observer.observe(canvas);
  const forgetTheme = onThemeChange(draw);
  return {
    element,
    /** @param {ChartData} next */
    set(next) {
      const isSameShape = plot !== undefined && data?.times.length === next.times.length;
      data = next;
      canvas.setAttribute("aria-label", `${label}. ${next.summary}`);
      readout(undefined);
      fill(figures, figureTable(label, next, format));
      if (isSameShape) plot?.setData(aligned(next, isStacked));
      else draw();
    },
    close() {
      observer.disconnect();
      forgetTheme();
      plot?.destroy();
    },
  };
}

/**
 * @param {ChartData} data
 * @param {boolean} isStacked - Each series then stands on those behind it.
 * @returns {uPlot.AlignedData}
 */
function aligned({ times, series }, isStacked) {
  if (!isStacked) return [times, ...series.map(({ values }) => values)];
  const on = (/** @type {number} */ position, /** @type {number} */ index) => {
    const known = series.slice(position).flatMap(({ values }) => values[index] ?? []);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
  };
  return [times, ...series.map((_one, position) => times.map((_time, index) => on(position, index)))];
}

/**
 * @param {{ width: number, data: ChartData, format: (value: number) => string, max: number | undefined, steps: number[], isStacked: boolean, onCursor: (index: number | null | undefined) => void }} how
 * @returns {uPlot.Options}
 */
function options({ width, data, format, max, steps, isStacked, onCursor }) {
  const axis = { stroke: themeColour("--muted"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: themeColour("--line"), width: 1 };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false } },
    scales: {
      x: { range: (_plot, first, last) => aroundSteps(first, last, data.times.length) },
      y: { range: (_plot, _low, high) => [0, max ?? Math.max(high, 1) * 1.08] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 70, values: (_plot, splits) => splits.map(clockTime) },
      { ...axis, grid, size: 68, space: 30, incrs: steps, values: (_plot, splits) => splits.map(format) },
    ],
    series: [{}, ...data.series.map((series) => (isStacked ? bars(series) : line(series)))],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx)] },
  };
}

/**
 * Half a step more on both sides, so that the outer bars are whole.
 * @param {number} first
 * @param {number} last
 * @param {number} steps
 * @returns {[number, number]}
 */
function aroundSteps(first, last, steps) {
  const half = (last - first) / Math.max(1, steps - 1) / 2;
  return [first - half, last + half];
}

/** @param {Series} series @returns {uPlot.Series} */
function bars({ name, colour }) {
  const paint = themeColour(colour);
  const paths = uPlot.paths.bars?.({ size: [0.75, 24], radius: 0.15 });
  return { label: name, fill: paint, stroke: paint, width: 0, points: { show: false }, ...(paths && { paths }) };
}

/** @param {Series} series @returns {uPlot.Series} */
function line({ name, colour, values }) {
  const stroke = themeColour(colour);
  const known = values.filter((value) => value !== null).length;
  return {
    label: name,
    stroke,
    width: 2,
    fill: themeColour(`${colour}-wash`),
    spanGaps: true,
    points: { show: known < 30, size: 5, fill: stroke },
  };
}

/**
 * @param {Series} series
 * @param {number | null | undefined} index - Where the cursor is.
 * @param {(value: number) => string} format
 */
function legendItem({ name, colour, values, total }, index, format) {
  const value = index === null || index === undefined ? undefined : values[index];
  const words = value === undefined ? total : value === null ? "–" : format(value);
  const mark = h("span", { class: "legend-mark", style: { background: `var(${colour})` } });
  return h("li", {}, mark, name, h("span", { class: "legend-value" }, words));
}

/**
 * @param {string} label
 * @param {ChartData} data
 * @param {(value: number) => string} format
 */
function figureTable(label, { times, series }, format) {
  const rows = times
    .map((time, index) => ({ time, values: series.map(({ values }) => values[index] ?? null) }))
    .filter(({ values }) => values.some((value) => value !== null && value !== 0))
    .reverse();
  if (rows.length === 0) return h("p", { class: "muted" }, "Nothing in this time.");
  return table({
    caption: label,
    className: "plain",
    items: rows,
    columns: [
      { head: "Time", isHead: true, cell: ({ time }) => clockTime(time) },
      ...series.map(({ name }, position) => ({
        head: name,
        isNumber: true,
        cell: (/** @type {{ values: (number | null)[] }} */ { values }) => {
          const value = values[position] ?? null;
          return value === null ? "–" : format(value);
        },
      })),
    ],
  });
}

/** @param {number} seconds */
function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
