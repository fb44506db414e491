import { describe, expect, it } from "vitest";
import { createEvents, type PublishedEvent } from "../../../src/telemetry/index.ts";

const down = (host: string) => ({ kind: "upstream-down" as const, upstream: "docker.io", host });
const now = () => Date.parse("2026-01-02T03:04:05Z");

function hostsOf(events: readonly PublishedEvent[]): string[] {
  return events.map((event) => ("host" in event ? event.host : event.kind));
}

describe("events", () => {
  it("are told to every listener, with a time and ids that follow each other", () => {
    const events = createEvents({ now, keep: 10 });
    const told: PublishedEvent[][] = [[], []];
    const ends = told.map((list) => events.subscribe((event) => list.push(event)));
    events.emit(down("a"));
    ends[1]?.end();
    events.emit(down("b"));
    expect(told.map(hostsOf)).toEqual([["a", "b"], ["a"]]);
    const [first, second] = told[0] ?? [];
    expect(first).toEqual({
      ...down("a"),
      at: "2026-01-02T03:04:05.000Z",
      id: expect.stringMatching(/^[0-9a-f]+-1$/) as string,
    });
    expect(second?.id).toBe(first?.id.replace(/-1$/, "-2"));
  });

  it("are kept for those who come back, from the one behind the last that they know", () => {
    const events = createEvents({ now, keep: 3 });
    const ids: string[] = [];
    events.subscribe(({ id }) => ids.push(id));
    for (const host of ["a", "b", "c", "d"]) events.emit(down(host));
    const since = (after: string | undefined) => {
      const { hasGap, recent } = events.subscribe(() => undefined, { after });
      return { hasGap, hosts: hostsOf(recent) };
    };
    expect(since(ids[2])).toEqual({ hasGap: false, hosts: ["d"] });
    expect(since(ids[3])).toEqual({ hasGap: false, hosts: [] });
    // The last that is not kept itself, but everything behind it is.
    expect(since(ids[0])).toEqual({ hasGap: false, hosts: ["b", "c", "d"] });
    expect(since(undefined)).toEqual({ hasGap: false, hosts: [] });
    expect(since(ids[3]?.replace(/-4$/, "-0"))).toEqual({ hasGap: true, hosts: ["b", "c", "d"] });
  });

  it.each(["", "nonsense", "00-1", "0123456789ab-1", "0123456789ab-99999999999999999999"])(
    "have a gap behind an id of another process: %j",
    (after) => {
      const events = createEvents({ now, keep: 3 });
      events.emit(down("a"));
      const { hasGap, recent } = events.subscribe(() => undefined, { after });
      expect([hasGap, hostsOf(recent)]).toEqual([true, ["a"]]);
    },
  );

  it("have a gap behind an id that is yet to come", () => {
    const events = createEvents({ now, keep: 3 });
    let id = "";
    events.subscribe((event) => (id = event.id));
    events.emit(down("a"));
    expect(events.subscribe(() => undefined, { after: id.replace(/-1$/, "-7") }).hasGap).toBe(true);
  });
});
