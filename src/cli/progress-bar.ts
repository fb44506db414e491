import type { JobProgress } from "../admin/index.ts";
import type { ErrorOutput } from "./context.ts";
import { formatBytes, formatPart } from "./table.ts";

const cells = 24;
const drawEveryMs = 100;
const eraseLine = "\r\u001b[K";
const eraseBelow = "\r\u001b[J";

export interface ProgressBar {
  draw(progress: JobProgress): void;
  /** Takes it off the terminal. */
  clear(): void;
}

/** One line that is drawn over and over; nothing at all where `output` is not a terminal. */
export function createProgressBar(output: ErrorOutput, label: string): ProgressBar {
  if (output.isTTY !== true) return { draw: () => undefined, clear: () => undefined };
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    draw(progress) {
      const now = performance.now();
      if (now - drawnAt < drawEveryMs) return;
      drawnAt = now;
      // One that reaches the edge would wrap, and the line above could not be erased.
      output.write(`${eraseLine}${formatProgress(label, progress).slice(0, (output.columns ?? 80) - 1)}`);
    },
    clear: () => void output.write(eraseLine),
  };
}

export interface ProgressLines {
  draw(lines: readonly string[]): void;
  clear(): void;
}

/** Several lines that are drawn over and over; nothing at all where `output` is not a terminal. */
export function createProgressLines(output: ErrorOutput): ProgressLines {
  if (output.isTTY !== true) return { draw: () => undefined, clear: () => undefined };
  let drawn = 0;
  const erase = (): string => (drawn > 1 ? `\u001b[${drawn - 1}A${eraseBelow}` : eraseBelow);
  return {
    draw(lines) {
      const width = (output.columns ?? 80) - 1;
      output.write(erase() + lines.map((line) => line.slice(0, width)).join("\n"));
      drawn = lines.length;
    },
    clear() {
      output.write(erase());
      drawn = 0;
    },
  };
}

/** `verifying [######------------------]  25.0 %  1.0 GiB of 4.0 GiB, 10 of 40 blobs`; totals of 0 are not known yet. */
export function formatProgress(label: string, { bytes, totalBytes, blobs, totalBlobs }: JobProgress): string {
  if (totalBytes === 0) return `${label}  ${formatBytes(bytes)}, ${blobs} blobs`;
  const filled = Math.floor(Math.min(bytes / totalBytes, 1) * cells);
  const bar = `[${"#".repeat(filled)}${"-".repeat(cells - filled)}]`;
  const amount = `${formatBytes(bytes)} of ${formatBytes(totalBytes)}, ${blobs} of ${totalBlobs} blobs`;
  return `${label} ${bar} ${formatPart(bytes, totalBytes).padStart(7)}  ${amount}`;
}
