import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createAdminApp, EventStream, type Stats } from "../../../src/admin/index.ts";
import { createEvents, type NewEvent } from "../../../src/telemetry/index.ts";
import { EventListening, type ListenOptions } from "../../support/event-stream.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { adminOptions, askAdmin, listen, someStats } from "./admin-server.ts";

function down(host: string): NewEvent {
  return { kind: "upstream-down", upstream: "docker.io", host };
}

async function serve() {
  const clock = new ManualClock();
  const events = createEvents({ now: () => clock.now(), keep: 100_000 });
  const now: { stats: Stats; looks: number } = { stats: someStats, looks: 0 };
  const eventStream = new EventStream({
    events,
    activity() {
      now.looks += 1;
      return Promise.resolve({ stats: now.stats, fills: [] });
    },
    setTimer: (ms, action) => clock.setTimer(ms, action),
    onError: (error) => {
      throw error;
    },
  });
  const url = await listen(createAdminApp(adminOptions({ eventStream })));
  const open = async (options?: ListenOptions): Promise<EventListening> => {
    const listening = await EventListening.open(url, options);
    onTestFinished(() => listening.close());
    return listening;
  };
  return { clock, events, now, open, url, eventStream };
}

/** Lets what was settled meanwhile be followed by what waits for it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("GET /api/v1/events", () => {
  it("tells what happens, each with its id, kind and fields", async () => {
    const { events, open } = await serve();
    const listening = await open();
    expect(listening.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    events.emit(down("a.example"));
    const { id, event, data } = await listening.next();
    expect([event, data["id"], data["host"]]).toEqual(["upstream-down", id, "a.example"]);
    expect(data["at"]).toBe("2026-01-01T00:00:00.000Z");
  });

  it.each(["header", "query"])("goes on behind the last event that is known, by %s", async (by) => {
    const { events, open } = await serve();
    const first = await open();
    for (const host of ["a", "b", "c"]) events.emit(down(host));
    const { id = "" } = await first.next();
    first.close();
    const again = await open(by === "header" ? { headers: { "last-event-id": id } } : { query: `lastEventId=${id}` });
    events.emit(down("d"));
    const hosts = [await again.next(), await again.next(), await again.next()].map(({ data }) => data["host"]);
    expect(hosts).toEqual(["b", "c", "d"]);
  });

  it("says that there is a gap before anything else, where the last known event is of another process", async () => {
    const { events, open } = await serve();
    events.emit(down("a"));
    const listening = await open({ headers: { "last-event-id": "0123456789ab-41" } });
    const received = [await listening.next(), await listening.next()];
    expect(received.map(({ event, id }) => [event, id === undefined])).toEqual([
      ["gap", true],
      ["upstream-down", false],
    ]);
  });

  it("sends a ping every 15 s", async () => {
    const { clock, open } = await serve();
    const listening = await open();
    clock.advance(15_000);
    clock.advance(15_000);
    expect([(await listening.next(":")).event, (await listening.next(":")).event]).toEqual([":", ":"]);
  });

  it("tells with activity=1 what goes on, once a second at most and only when something has changed", async () => {
    const { clock, now, open } = await serve();
    const listening = await open({ query: "activity=1" });
    const first = await listening.next();
    expect([first.id, first.event, first.data]).toEqual([undefined, "activity", { stats: someStats, fills: [] }]);
    // Time alone is no change.
    now.stats = { ...someStats, uptimeSeconds: someStats.uptimeSeconds + 1 };
    clock.advance(1000);
    await turn();
    now.stats = { ...now.stats, servedBytes: 17 };
    clock.advance(999);
    await turn();
    expect(now.looks).toBe(2);
    clock.advance(1);
    const second = await listening.next();
    expect([second.event, (second.data["stats"] as Stats).servedBytes, now.looks]).toEqual(["activity", 17, 3]);
  });

  it("looks at what goes on only as long as somebody wants to know, once for all of them", async () => {
    const { clock, now, open } = await serve();
    const both = [await open({ query: "activity=1" }), await open({ query: "activity=1" })];
    await both[0]?.next("activity");
    expect(now.looks).toBe(1);
    clock.advance(1000);
    await both[1]?.next("activity");
    expect(now.looks).toBe(2);
    for (const listening of both) listening.close();
    await eventually(async () => {
      clock.advance(1000);
      await turn();
      expect(clock.pendingTimers).toBe(0);
    });
  });

  it("has 64 listeners at most, and room again when one has left", async () => {
    const { open } = await serve();
    const all = await Promise.all(Array.from({ length: 64 }, () => open()));
    const refused = await open();
    expect([refused.response.statusCode, refused.response.headers["retry-after"]]).toEqual([503, "15"]);
    all[0]?.close();
    await eventually(async () => {
      expect((await open()).response.statusCode).toBe(200);
    });
  });

  it("drops a listener that does not read, and goes on telling the others", async () => {
    const { events, open } = await serve();
    const [reading, sleeping] = [await open(), await open()];
    sleeping.response.pause();
    sleeping.response.socket.pause();
    const closed = new Promise((resolve) => sleeping.response.once("close", resolve));
    const long = down("x".repeat(60_000));
    // What the sockets of both ends take, and a mebibyte more, is soon reached.
    for (let count = 0; count < 400; count += 1) {
      events.emit(long);
      await reading.next("upstream-down");
    }
    sleeping.response.resume();
    sleeping.response.socket.resume();
    await closed;
    expect(sleeping.response.complete).toBe(false);
    events.emit(down("after"));
    expect((await reading.next()).data["host"]).toBe("after");
  });

  it("drops a listener that has taken nothing between two pings", async () => {
    const { clock, events, eventStream } = await serve();
    // Without a connection nothing of it is ever taken.
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    eventStream.add(response, { after: undefined, wantsActivity: false });
    events.emit(down("a"));
    clock.advance(15_000);
    expect(response.destroyed).toBe(false);
    clock.advance(15_000);
    expect([response.destroyed, clock.pendingTimers]).toEqual([true, 0]);
  });

  it("refuses what it does not understand, and other methods", async () => {
    expect((await askAdmin({}, "/api/v1/events?activity=yes")).status).toBe(400);
    expect((await askAdmin({}, "/api/v1/events?since=1")).status).toBe(400);
    const posted = await askAdmin({}, "/api/v1/events", {
      method: "POST",
      headers: { authorization: "Bearer the-token" },
    });
    expect([posted.status, posted.headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  it("is for whoever may read, and for no other site's page", async () => {
    expect((await askAdmin({}, "/api/v1/events", { method: "HEAD" })).status).toBe(200);
    expect((await askAdmin({ isLoopback: false }, "/api/v1/events")).status).toBe(401);
    expect((await askAdmin({}, "/api/v1/events", { headers: { host: "evil.example" } })).status).toBe(403);
  });
});
