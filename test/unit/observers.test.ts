import { describe, expect, it } from "vitest";
import type { LeftUnit } from "../../src/eviction/index.ts";
import { observeEviction } from "../../src/observers.ts";
import { createEvents, createLogger, createMetrics, type PublishedEvent } from "../../src/telemetry/index.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { digestOf } from "./admin/reports.ts";

const unit: LeftUnit = { digest: digestOf("a"), image: "docker.io/library/alpine:3", bytes: 10 };

function observe() {
  const clock = new ManualClock();
  const events = createEvents({ now: () => clock.now(), keep: 10 });
  const told: PublishedEvent[] = [];
  events.subscribe((event) => told.push(event));
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const logger = createLogger({ level: "info", format: "json", destination });
  const metrics = createMetrics({ upstreams: [] });
  return { told, lines, observer: observeEviction({ metrics, events, logger, clock }, () => undefined) };
}

describe("what has left the store", () => {
  it("is told one by one, each with a line in the log", () => {
    const { told, lines, observer } = observe();
    observer.left("min-free", [unit, { ...unit, image: undefined, digest: digestOf("b") }]);
    const common = { kind: "evicted", reason: "min-free", bytes: 10, count: 1 };
    expect(told).toMatchObject([
      { ...common, image: unit.image, digest: unit.digest },
      { ...common, image: null, digest: digestOf("b") },
    ]);
    expect(lines.map(({ msg, reason }) => [msg, reason])).toEqual(Array(2).fill(["evicted", "min-free"]));
  });

  it("is summed up where it is more than a hundred at once", () => {
    const { told, lines, observer } = observe();
    observer.left("orphan", Array<LeftUnit>(101).fill(unit));
    expect(told).toMatchObject([
      { kind: "evicted", reason: "orphan", image: null, digest: null, bytes: 1010, count: 101 },
    ]);
    expect(lines).toHaveLength(1);
    observer.left("orphan", Array<LeftUnit>(100).fill(unit));
    expect(told).toHaveLength(101);
  });
});
