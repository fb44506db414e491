import { describe, expect, it } from "vitest";
import { parseWrk } from "../../bench/compare/wrk.ts";

const errors = { connect: 0, read: 0, write: 0, status: 0, timeout: 0 };

function printed(summary: object): string {
  return [
    "Running 6s test @ http://127.0.0.1:5000/v2/",
    "  1 threads and 16 connections",
    "Requests/sec:   1000.00",
    `summary ${JSON.stringify(summary)}`,
    "",
  ].join("\n");
}

const good = { requests: 6000, bytes: 1_200_000, duration: 6_000_000, p50: 250, p99: 4500, errors };

describe("what wrk printed", () => {
  it("is read from the line of the summary, in seconds and milliseconds", () => {
    expect(parseWrk(printed(good))).toEqual({ requests: 6000, bytes: 1_200_000, seconds: 6, p50Ms: 0.25, p99Ms: 4.5 });
  });

  it.each(Object.keys(errors))("throws where there were errors: %s", (kind) => {
    const summary = { ...good, errors: { ...errors, [kind]: 3 } };
    expect(() => parseWrk(printed(summary))).toThrow(`wrk saw ${kind} errors: 3`);
  });

  it("throws with all of it where there is no summary", () => {
    expect(() => parseWrk("unable to connect to 127.0.0.1:5000")).toThrow("unable to connect");
  });
});
