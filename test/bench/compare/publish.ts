import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { format, resolveConfig } from "prettier";
import { plotsOf, type Plot } from "./plots.ts";
import { formatGoal, markOf, tableOf } from "./report.ts";
import type { ResultsFile } from "./results.ts";

const begin = "<!-- results: written by `npm run bench -- report` -->";
const end = "<!-- end of results -->";

/**
 * Draws what a run has measured: the plots and a copy of the file go to a directory, tables into the README beside it,
 * where that has a place for them.
 *
 * @param args - the file that `compare` wrote, and the directory (by default `test/bench/results`)
 */
export async function publish(args: readonly string[]): Promise<number> {
  const [source, target = "test/bench/results"] = args;
  if (source === undefined) throw new Error("report FILE [DIRECTORY]: which file of results?");
  const directory = resolve(target);
  const results = JSON.parse(await readFile(source, "utf8")) as ResultsFile;
  const plots = plotsOf(results);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "results.json"), await format(JSON.stringify(results), { parser: "json" }));
  for (const { fileName, svg } of plots) await writeFile(join(directory, fileName), svg);
  const readme = resolve(directory, "..", "README.md");
  const isFilled = await fill(readme, markdownOf(results, plots, basename(directory)));
  console.log(`${plots.length} plots in ${directory}${isFilled ? `, tables in ${readme}` : ""}`);
  return 0;
}

async function fill(file: string, section: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  const text = await readFile(file, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) return false;
  const filled = `${text.slice(0, from)}${begin}\n\n${section}\n\n${text.slice(to)}`;
  await writeFile(file, await format(filled, { ...(await resolveConfig(file)), parser: "markdown" }));
  return true;
}

/** All results as a section of Markdown, the plots by their path from there. */
export function markdownOf(results: ResultsFile, plots: readonly Plot[], directory: string): string {
  const { machine, startedAt, rounds, origin, isShort, workloads } = results;
  const facts = Object.entries(machine).map(([name, value]) => `${name} ${value}`);
  const goals = workloads.flatMap(({ title, name, goals }) =>
    goals.map((goal) => [title ?? name, formatGoal(goal), markOf(goal)]),
  );
  return [
    `Measured ${startedAt.slice(0, 10)}, ${rounds} rounds${isShort ? " in the short form" : ""}, origin ${origin}: ${facts.join(", ")}.`,
    ...(goals.length > 0 ? [markdownTable([["workload", "goal", ""], ...goals], "---")] : []),
    ...plots.map(({ title, fileName }) => `![${title}](${directory}/${fileName})`),
    ...workloads.map((each) => `**${each.title ?? each.name}**\n\n${markdownTable(tableOf(each))}`),
  ].join("\n\n");
}

function markdownTable([header = [], ...rows]: readonly (readonly string[])[], others = "---:"): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, at) => (at === 0 ? "---" : others));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}
