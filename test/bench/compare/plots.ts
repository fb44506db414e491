import { init, type EChartsCoreOption } from "echarts";
import { formatFigure } from "./report.ts";
import { cpuPerGigabyte, spreadOfEntrant, type Pick, type ResultsFile } from "./results.ts";
import type { Spread } from "./statistics.ts";
import type { WorkloadResults } from "./workload.ts";

/** A drawing of one group of workloads. */
export interface Plot {
  /** `manifests.svg` */
  fileName: string;
  title: string;
  svg: string;
}

/** One figure of one workload: a bar for each entrant. */
interface Panel {
  title: string;
  figure: string;
  bars: { name: string; spread: Spread }[];
}

const width = 980;
const rowHeight = 26;
const titleHeight = 52;
const margins = { left: 240, right: 190 };
const ink = "#1f2328";
/** Okabe and Ito's: told apart by everybody. An entrant that is not named takes the last. */
const colors: Readonly<Record<string, string>> = {
  entrepot: "#0072b2",
  "entrepot + nginx": "#56b4e9",
  "docker-registry": "#d55e00",
  nginx: "#009e73",
  "nginx proxy_cache": "#999999",
  Express: "#e69f00",
};
const otherColor = "#cc79a7";
/** From this ratio of the largest to the smallest on, small bars cannot be seen any more. */
const logFromRatio = 20;

/** The plots of all groups: bars of medians, a line from the least to the most, on white whatever is around. */
export function plotsOf({ workloads }: ResultsFile): Plot[] {
  const groups = Map.groupBy(workloads, ({ group, name }) => group ?? name);
  return [...groups].map(([group, members]) => ({
    title: members[0]?.group ?? members[0]?.title ?? group,
    fileName: `${group.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.svg`,
    svg: draw(members.flatMap(panelsOf)),
  }));
}

function panelsOf(results: WorkloadResults): Panel[] {
  const { name, title = name, unit, isLessBetter } = results;
  const better = isLessBetter ? "less is better" : "more is better";
  const panels = [panelOf(results, { title, figure: `${unit}, ${better}` }, ({ value }) => value)];
  // What large answers cost says more than how fast one machine can hand them to itself.
  if (unit === "MB/s")
    panels.push(panelOf(results, { title, figure: "CPU seconds per GB, less is better" }, cpuPerGigabyte));
  return panels.filter(({ bars }) => bars.length > 0);
}

function panelOf(results: WorkloadResults, titles: Omit<Panel, "bars">, pick: Pick): Panel {
  const bars = results.entrants.flatMap(({ name }) => {
    const spread = spreadOfEntrant(results, name, pick);
    return spread ? [{ name, spread }] : [];
  });
  return { ...titles, bars };
}

function draw(panels: readonly Panel[]): string {
  const heights = panels.map(({ bars }) => titleHeight + bars.length * rowHeight + 30);
  const tops = heights.map((_, at) => 10 + sum(heights.slice(0, at)));
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height: 10 + sum(heights) });
  try {
    chart.setOption({
      backgroundColor: "#ffffff",
      animation: false,
      textStyle: { fontFamily: "sans-serif", color: ink },
      title: panels.map((panel, at) => titleOption(panel, tops[at] ?? 0)),
      grid: panels.map(({ bars }, at) => ({
        ...margins,
        top: (tops[at] ?? 0) + titleHeight,
        height: bars.length * rowHeight,
      })),
      xAxis: panels.map(valueAxis),
      yAxis: panels.map(nameAxis),
      series: panels.flatMap(seriesOf),
    });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}

function titleOption(panel: Panel, top: number): EChartsCoreOption {
  return {
    text: panel.title,
    textStyle: { fontSize: 14, color: ink },
    subtext: isLogarithmic(panel) ? `${panel.figure} (logarithmic)` : panel.figure,
    subtextStyle: { fontSize: 12, color: ink },
    itemGap: 3,
    left: 10,
    top,
  };
}

function extentOf({ bars }: Panel): { least: number; most: number } {
  const least = Math.min(...bars.map(({ spread }) => spread.min));
  return { least, most: Math.max(...bars.map(({ spread }) => spread.max)) };
}

function isLogarithmic(panel: Panel): boolean {
  const { least, most } = extentOf(panel);
  return least > 0 && most / least >= logFromRatio;
}

function valueAxis(panel: Panel, gridIndex: number): EChartsCoreOption {
  const isLog = isLogarithmic(panel);
  return {
    gridIndex,
    type: isLog ? "log" : "value",
    min: isLog ? 10 ** Math.floor(Math.log10(extentOf(panel).least) - 0.3) : 0,
    axisLabel: { color: ink, formatter: formatFigure },
    splitLine: { lineStyle: { color: "#e5e7eb" } },
  };
}

function nameAxis({ bars }: Panel, gridIndex: number): EChartsCoreOption {
  return {
    gridIndex,
    type: "category",
    inverse: true,
    data: bars.map(({ name }) => name),
    axisTick: { show: false },
    axisLabel: { color: ink, fontSize: 13, width: margins.left - 20, overflow: "truncate" },
  };
}

function seriesOf({ bars }: Panel, at: number): EChartsCoreOption[] {
  const axes = { xAxisIndex: at, yAxisIndex: at };
  const medians = bars.map(({ name, spread }) => ({
    value: spread.median,
    itemStyle: { color: colorOf(name) },
  }));
  const spreads = bars.map(({ spread: { min, max, median } }, row) => [min, max, median, row]);
  return [
    { type: "bar", ...axes, barWidth: "62%", data: medians },
    { type: "custom", ...axes, data: spreads, encode: { x: [0, 1], y: 3 }, renderItem: whisker, z: 3 },
  ];
}

/** What an entrant is said to do, after a comma, does not change whose color it has. */
function colorOf(entrant: string): string {
  const [name = ""] = entrant.split(",");
  return colors[name] ?? otherColor;
}

interface RenderApi {
  value: (dimension: number) => number;
  coord: (point: [number, number]) => [number, number];
}

/** The line from the least to the most, and beside it the figures. */
function whisker(_: unknown, api: RenderApi): object {
  const [min, max, median, row] = [api.value(0), api.value(1), api.value(2), api.value(3)];
  const [from, y] = api.coord([min, row]);
  const [to] = api.coord([max, row]);
  const line = (x1: number, y1: number, x2: number, y2: number): object => ({
    type: "line",
    shape: { x1, y1, x2, y2 },
    style: { stroke: ink, lineWidth: 1.5 },
  });
  const text = `${formatFigure(median)}  (${formatFigure(min)}–${formatFigure(max)})`;
  return {
    type: "group",
    children: [
      line(from, y, to, y),
      line(from, y - 4, from, y + 4),
      line(to, y - 4, to, y + 4),
      { type: "text", style: { text, x: to + 8, y: y - 6, fill: ink, font: "12px sans-serif" } },
    ],
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
