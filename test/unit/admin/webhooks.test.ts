import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { startWebhooks } from "../../../src/admin/index.ts";
import { createEvents, type EventKind, type NewEvent } from "../../../src/telemetry/index.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { Receiver } from "../../support/receiver.ts";
import { withFile } from "../cli/command-line.ts";
import { digestOf } from "./reports.ts";

const answerWithinMs = 10_000;

function down(host: string): NewEvent {
  return { kind: "upstream-down", upstream: "docker.io", host };
}

function eventuallyNow(check: () => void): Promise<void> {
  return eventually(async () => {
    await Promise.resolve();
    check();
  }, 10_000);
}

/** A webhook whose clock stands still, and a receiver for it. `random` is in the middle: waits are as they are meant. */
async function hook(only?: readonly EventKind[]) {
  const clock = new ManualClock();
  const events = createEvents({ now: () => clock.now(), keep: 10 });
  const receiver = await Receiver.start();
  const secretFile = withFile("first secret\n", "secret");
  const told: string[] = [];
  const timers: number[] = [];
  const webhooks = startWebhooks([{ url: `${receiver.url}/hook?key=canary`, secretFile, only }], {
    events,
    instance: { name: "cache-1", version: "1.2.3" },
    now: () => clock.now(),
    setTimer(ms, action) {
      timers.push(ms);
      return clock.setTimer(ms, action);
    },
    random: () => 0.5,
    observer: {
      delivered: () => told.push("delivered"),
      failed: (...[, , reason]) => told.push(`failed: ${reason}`),
      dropped: (...[, count, because]) => told.push(`dropped ${count}: ${because}`),
    },
  });
  onTestFinished(async () => {
    await webhooks.close();
    await receiver.close();
    expect(clock.pendingTimers).toBe(0);
  });
  /** Resolves when it waits before the next attempt; to how long, in seconds. */
  const nextWait = async (): Promise<number> => {
    await eventuallyNow(() => {
      expect([timers.at(-1) === answerWithinMs, clock.pendingTimers]).toEqual([false, 1]);
    });
    return (timers.at(-1) ?? 0) / 1000;
  };
  const untilTold = (...expected: string[]): Promise<void> =>
    eventuallyNow(() => {
      expect(told).toEqual(expected);
    });
  return { clock, events, receiver, secretFile, told, webhooks, nextWait, untilTold };
}

describe("a webhook", () => {
  it("is told of an event by POST, with who tells it", async () => {
    const { events, receiver, untilTold } = await hook();
    events.emit({ kind: "corrupt", digest: digestOf("a"), where: "scrub" });
    const [post] = await receiver.posts(1);
    expect([post?.method, post?.path]).toEqual(["POST", "/hook?key=canary"]);
    const body = JSON.parse(post?.body ?? "") as Record<string, unknown>;
    expect(body).toEqual({
      id: post?.headers["entrepot-delivery"],
      at: "2026-01-01T00:00:00.000Z",
      ...{ kind: "corrupt", digest: digestOf("a"), where: "scrub" },
      instance: { name: "cache-1", version: "1.2.3" },
    });
    expect(post?.headers).toMatchObject({
      "entrepot-event": "corrupt",
      "content-type": "application/json",
      "user-agent": "entrepot/1.2.3",
    });
    await untilTold("delivered");
  });

  it("signs time and body with the secret, as it is in its file at that moment", async () => {
    const { events, receiver, secretFile, clock, untilTold } = await hook();
    // As a receiver does it.
    const isSignedBy = (secret: string): boolean => {
      const { headers = {}, body = "" } = receiver.received.at(-1) ?? {};
      const parts = String(headers["entrepot-signature"]).split(",");
      const [time = "", given = ""] = parts.map((part) => part.slice(part.indexOf("=") + 1));
      const expected = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
      return given === expected && Number(time) * 1000 === clock.now();
    };
    events.emit(down("a"));
    await untilTold("delivered");
    expect([isSignedBy("first secret"), isSignedBy("second secret")]).toEqual([true, false]);
    writeFileSync(secretFile, "second secret");
    clock.advance(5000);
    events.emit(down("b"));
    await untilTold("delivered", "delivered");
    expect([isSignedBy("first secret"), isSignedBy("second secret")]).toEqual([false, true]);
  });

  it("is told of what it wants only", async () => {
    const { events, receiver, untilTold } = await hook(["corrupt", "quota-low"]);
    events.emit(down("a"));
    events.emit({ kind: "corrupt", digest: digestOf("a"), where: "verify" });
    await untilTold("delivered");
    expect(receiver.received.map(({ headers }) => headers["entrepot-event"])).toEqual(["corrupt"]);
  });

  it("is told of one event after the other, in their order", async () => {
    const { events, receiver, untilTold, nextWait, clock } = await hook();
    receiver.answers = [{ status: 503 }, { status: 204 }];
    for (const host of ["a", "b", "c"]) events.emit(down(host));
    await nextWait();
    expect(receiver.received).toHaveLength(1);
    clock.advance(5000);
    await untilTold("delivered", "delivered", "delivered");
    const hosts = receiver.received.map(({ body }) => (JSON.parse(body) as { host: string }).host);
    expect(hosts).toEqual(["a", "a", "b", "c"]);
    const ids = receiver.received.map(({ headers }) => headers["entrepot-delivery"]);
    expect(ids[0]).toBe(ids[1]);
  });
});

describe("a receiver that fails", () => {
  it("is asked eight times over about an hour, and then no more for this event", async () => {
    const { events, receiver, clock, nextWait, untilTold } = await hook();
    receiver.answers = [{ status: 500 }];
    events.emit(down("a"));
    const waits: number[] = [];
    for (let attempt = 1; attempt < 8; attempt += 1) {
      await receiver.posts(attempt);
      const wait = await nextWait();
      waits.push(wait);
      clock.advance(wait * 1000);
    }
    await untilTold("failed: it answers 500");
    expect([receiver.received.length, waits]).toEqual([8, [5, 20, 60, 180, 480, 900, 1800]]);
    receiver.answers = [{ status: 200 }];
    events.emit(down("b"));
    await untilTold("failed: it answers 500", "delivered");
  });

  it.each([408, 429, 500, 503])("with %i is asked again", async (status) => {
    const { events, receiver, clock, nextWait, untilTold } = await hook();
    receiver.answers = [{ status }, { status: 204 }];
    events.emit(down("a"));
    clock.advance((await nextWait()) * 1000);
    await untilTold("delivered");
  });

  it.each([
    [400, "it answers 400"],
    [404, "it answers 404"],
    [302, "it answers 302; redirects are not followed"],
  ])("with %i is not asked again, nor where it points to", async (status, reason) => {
    const { events, receiver, untilTold } = await hook();
    receiver.answers = [{ status, headers: { location: `${receiver.url}/elsewhere` } }];
    events.emit(down("a"));
    await untilTold(`failed: ${reason}`);
    expect(receiver.received.map(({ path }) => path)).toEqual(["/hook?key=canary"]);
  });

  it.each([
    ["120", 120],
    ["1", 5],
    ["999999", 3600],
    ["Thu, 01 Jan 2026 00:01:30 GMT", 90],
  ])("and says Retry-After: %s is left alone for that long, an hour at most", async (retryAfter, seconds) => {
    const { events, receiver, clock, nextWait, untilTold } = await hook();
    receiver.answers = [{ status: 429, headers: { "retry-after": retryAfter } }, { status: 204 }];
    events.emit(down("a"));
    expect(await nextWait()).toBe(seconds);
    clock.advance(seconds * 1000 - 1);
    expect(receiver.received).toHaveLength(1);
    clock.advance(1);
    await untilTold("delivered");
  });

  it("without an answer has ten seconds", async () => {
    const { events, receiver, clock, nextWait, untilTold } = await hook();
    receiver.answers = ["silence", { status: 204 }];
    events.emit(down("a"));
    await receiver.posts(1);
    clock.advance(answerWithinMs);
    clock.advance((await nextWait()) * 1000);
    await untilTold("delivered");
  });

  it("by breaking off, or by not being there, is asked again", async () => {
    const { events, receiver, clock, nextWait, untilTold } = await hook();
    receiver.answers = ["reset", { status: 204 }];
    events.emit(down("a"));
    clock.advance((await nextWait()) * 1000);
    await untilTold("delivered");
  });

  it("has at most a thousand events wait for it: the oldest go", async () => {
    const { events, receiver, told } = await hook();
    receiver.answers = ["silence"];
    // One is being sent.
    events.emit(down("sent"));
    await receiver.posts(1);
    for (let count = 0; count < 1003; count += 1) events.emit(down(String(count)));
    expect(told).toEqual(Array(3).fill("dropped 1: overflow"));
  });

  it("does not hold up a stop: what waits is dropped, and that is told", async () => {
    const { events, receiver, webhooks, told } = await hook();
    receiver.answers = ["silence"];
    for (const host of ["a", "b", "c"]) events.emit(down(host));
    await receiver.posts(1);
    await webhooks.close();
    expect(told).toEqual(["dropped 3: stop"]);
    events.emit(down("d"));
    expect(receiver.received).toHaveLength(1);
  });
});
