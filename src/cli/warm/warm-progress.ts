import type { JobDocument } from "../../admin/index.ts";
import type { ErrorOutput } from "../context.ts";
import { createProgressLines, formatProgress } from "../progress-bar.ts";
import { formatItem } from "./warm-report.ts";

const longestName = 40;

export interface WarmProgressView {
  show(job: JobDocument): void;
  clear(): void;
  /** Tells what has ended since it was shown last. */
  end(job: JobDocument): void;
}

/** On a terminal a bar for each image that is being fetched and one for all of them; elsewhere a line for each that has ended. */
export function createWarmProgress(output: ErrorOutput): WarmProgressView {
  const lines = createProgressLines(output);
  const told = new Set<string>();
  const tellEnded = ({ items = [] }: JobDocument): void => {
    if (output.isTTY === true) return;
    for (const item of items) {
      if (item.state === "waiting" || item.state === "running" || told.has(item.image)) continue;
      told.add(item.image);
      output.write(`${item.image}: ${formatItem(item)}\n`);
    }
  };
  return {
    show(job) {
      lines.draw(linesOf(job));
      tellEnded(job);
    },
    clear: () => lines.clear(),
    end: tellEnded,
  };
}

function linesOf({ items = [], progress }: JobDocument): string[] {
  const running = items.filter(({ state }) => state === "running");
  const ended = items.filter(({ state }) => state !== "running" && state !== "waiting").length;
  const total = `${ended} of ${items.length} images`;
  const names = [...running.map(({ image }) => shorten(image)), total];
  const width = Math.max(...names.map(({ length }) => length));
  return [...running, progress].map((part, place) => formatProgress((names[place] ?? "").padEnd(width), part));
}

/** The end of a name tells more than its begin. */
function shorten(name: string): string {
  return name.length > longestName ? `…${name.slice(1 - longestName)}` : name;
}
