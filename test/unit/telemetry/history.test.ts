import { onTestFinished, describe, expect, it } from "vitest";
import { createMetrics, History, type FinishedRequest } from "../../../src/telemetry/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const minute = 60_000;
const hit: FinishedRequest = {
  kind: "blob",
  outcome: "hit",
  client: "podman",
  durationSeconds: 1,
  bytes: 100,
  upstream: "docker.io",
};

function record() {
  const clock = new ManualClock(0);
  const metrics = createMetrics({ upstreams: ["docker.io"] });
  const failures: unknown[] = [];
  const history = new History({
    now: () => clock.now(),
    setTimer: (ms, action) => clock.setTimer(ms, action),
    snapshot: () => metrics.snapshot(),
    onError: (error) => failures.push(error),
  });
  onTestFinished(() => {
    history.close();
    expect([clock.pendingTimers, failures]).toEqual([0, []]);
  });
  /** Lets a minute pass, and the timer's look at the counters with it. */
  const passMinute = async (): Promise<void> => {
    clock.advance(minute);
    await history.read();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, metrics, history, passMinute };
}

describe("the history", () => {
  it("gives the unfinished step last, with what has been counted in it so far", async () => {
    const { metrics, history, clock } = record();
    metrics.requestFinished(hit);
    metrics.requestFinished({ ...hit, outcome: "stale" });
    metrics.requestFinished({ ...hit, outcome: "filled" });
    metrics.requestFinished({ ...hit, outcome: "error", bytes: 0 });
    metrics.bytesFetched("docker.io", 70);
    clock.advance(1000);
    const counts = { requests: 4, hits: 1, stale: 1, filled: 1, errors: 1 };
    const point = { at: 0, ...counts, servedBytes: 300, savedBytes: 200, fetchedBytes: 70 };
    expect(await history.read()).toEqual([point]);
    expect(await history.read()).toEqual([point]);
  });

  it("gives each minute what has been counted in it, and not what came before", async () => {
    const { metrics, history, passMinute } = record();
    metrics.requestFinished(hit);
    await passMinute();
    metrics.requestFinished(hit);
    metrics.requestFinished(hit);
    await passMinute();
    const points = (await history.read()).map(({ at, requests, hits }) => [at / minute, requests, hits]);
    expect(points).toEqual([
      [0, 1, 1],
      [1, 2, 2],
      [2, 0, 0],
    ]);
  });

  it("has no holes where nobody saw the minutes pass", async () => {
    const { metrics, history, clock } = record();
    metrics.requestFinished(hit);
    clock.advance(3.5 * minute);
    const points = (await history.read()).map(({ at, requests }) => [at / minute, requests]);
    expect(points).toEqual([
      [0, 1],
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
  });

  it("goes back a day and no further", async () => {
    const { history, clock } = record();
    clock.advance(1000 * minute);
    await history.read();
    clock.advance(1000 * minute);
    const points = await history.read();
    expect([points.length, (points.at(-1)?.at ?? 0) / minute, (points[0]?.at ?? 0) / minute]).toEqual([
      1440, 2000, 561,
    ]);
  });

  it("begins anew after a clock was set back, or has stood still for more than a day", async () => {
    const { metrics, history, clock } = record();
    clock.advance(10 * minute);
    await history.read();
    clock.advance(3000 * minute);
    metrics.requestFinished(hit);
    const points = await history.read();
    expect(points.map(({ at, requests }) => [at / minute, requests])).toEqual([
      [10, 1],
      [3010, 0],
    ]);
    clock.advance(-5 * minute);
    expect((await history.read()).map(({ at }) => at / minute)).toEqual([3010, 3005]);
  });
});
