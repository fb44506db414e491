import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LineBatches } from "../../../src/telemetry/line-batches.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function collecting(): { lines: LineBatches; batches: string[] } {
  const batches: string[] = [];
  return { lines: new LineBatches((batch) => void batches.push(batch)), batches };
}

describe("lines in batches", () => {
  it("come out together, whole and in order, a moment later", () => {
    const { lines, batches } = collecting();
    lines.write("one\n");
    lines.write("zwei, drei: äöü ✓\n");
    expect(batches).toEqual([]);
    vi.advanceTimersByTime(20);
    lines.write("four\n");
    vi.advanceTimersByTime(20);
    expect(batches).toEqual(["one\nzwei, drei: äöü ✓\n", "four\n"]);
  });

  it("wait for no timer where there are many of them", () => {
    const { lines, batches } = collecting();
    const written = Array.from({ length: 5000 }, (_, at) => `${at}: ${"✓".repeat(at % 100)}\n`);
    for (const line of written) lines.write(line);
    expect(batches.length).toBeGreaterThan(5);
    expect(Math.max(...batches.map((batch) => Buffer.byteLength(batch)))).toBeLessThanOrEqual(64 * 1024);
    lines.flush();
    expect(batches.join("")).toBe(written.join(""));
  });

  it("keep their order around one that is longer than a batch", () => {
    const { lines, batches } = collecting();
    const long = `${"x".repeat(200_000)}\n`;
    for (const line of ["before\n", long, "behind\n"]) lines.write(line);
    lines.flush();
    expect(batches).toEqual(["before\n", long, "behind\n"]);
  });

  it("leave nothing for the timer once they are flushed", () => {
    const { lines, batches } = collecting();
    lines.flush();
    lines.write("one\n");
    lines.flush();
    vi.advanceTimersByTime(100);
    expect([batches, vi.getTimerCount()]).toEqual([["one\n"], 0]);
  });
});
