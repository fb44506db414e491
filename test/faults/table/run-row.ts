import { expect } from "vitest";
import { eventually } from "../../support/eventually.ts";
import type { Reply } from "../../support/instance.ts";
import { answerWithinMs, expectNothingLeft, flightsEnded, isStored, upstreamName, type Bench } from "./bench.ts";
import type { Expected, Row } from "./row.ts";
import type { Target, Wanted } from "./targets.ts";

/**
 * Runs one row: the request under the fault and all that it left behind; then, the fault being over, the same request
 * twice, which must be right and then a hit; then, a minute later, that nothing is left but what is stored.
 */
export async function runRow(bench: Bench, target: Target, row: Row): Promise<void> {
  const { upstream, instance } = bench;
  const wanted = await target(bench);
  await expectNothingLeft(bench);
  // A request on a kept connection that dies is sent again: with new ones only, requests can be counted.
  for (const site of sitesOf(bench)) site.dropConnections();
  upstream.requests.clear();
  const end = await begin(bench, wanted, row);
  const askedAt = bench.clock.now();
  const reply = await instance.ask(wanted.path);
  // A body may take its time, a status may not; the second more is for a machine that has much to do.
  if (reply.status >= 400) expect(bench.clock.now() - askedAt).toBeLessThan(answerWithinMs + 1000);
  await flightsEnded(bench);
  await end();
  await expectLeft(bench, wanted, reply, row.expected);
  if (row.isRemembered) await expectRemembered(bench, wanted, reply);
  bench.clock.skip(row.sparedForMs ?? 1000);
  await expectRecovery(bench, wanted);
  await expectNothingLeft(bench);
}

/** Starts the fault; the returned function ends it. */
async function begin({ upstream }: Bench, wanted: Wanted, { fault }: Row): Promise<() => Promise<void>> {
  if (fault === "refused") {
    await upstream.stop();
    return () => upstream.restart();
  }
  if (typeof fault === "string") {
    const site = upstream.site("registry");
    site.onConnect = fault;
    return () => {
      site.onConnect = "accept";
      site.dropConnections();
      return Promise.resolve();
    };
  }
  for (const spoiled of fault) upstream.misbehave({ on: "any", repository: wanted.repository, ...spoiled });
  return () => {
    upstream.behave();
    return Promise.resolve();
  };
}

/** What the client saw, what is on disk, what the index says, and how many requests the upstream got. */
async function expectLeft(bench: Bench, wanted: Wanted, reply: Reply, expected: Expected): Promise<void> {
  const told = describeReply(bench, wanted, reply);
  // The client has its last byte before the row is committed or the file removed: looked at until it is as it must be.
  await eventually(async () => {
    const left = { onDisk: await onDisk(bench, wanted), inIndex: await inIndex(bench, wanted) };
    expect({ ...told, ...left, upstreamRequests: bench.upstream.requests.count() }).toEqual(expected);
  }, bench.patienceMs);
}

function describeReply(bench: Bench, wanted: Wanted, reply: Reply): Partial<Expected> {
  const { status, headers, body } = reply;
  const isError = status >= 400;
  const cacheStatus = textOf(headers["cache-status"]);
  if (isError) {
    bench.errorBodies.push(body.toString());
    // A cache in front of this one reads the code there.
    expect(cacheStatus).toBe(`entrepot; detail=${String(codeOf(body))}`);
  }
  return {
    status,
    code: isError ? codeOf(body) : undefined,
    body: isError ? "error" : judgeBody(wanted.bytes, reply),
    cacheStatus: isError ? undefined : cacheStatus?.replace(/; ttl=-?\d+/, ""),
    retryAfter: textOf(headers["retry-after"]),
  };
}

function judgeBody(bytes: Buffer, { body, isShort }: Reply): Expected["body"] {
  const isPrefix = body.equals(bytes.subarray(0, body.length));
  if (isShort) return isPrefix ? "short" : "spoiled";
  if (isPrefix && body.length === bytes.length) return "right";
  throw new Error(`promise P1: ${body.length} wrong bytes with a proper end`);
}

async function onDisk(bench: Bench, wanted: Wanted): Promise<Expected["onDisk"]> {
  const parts = await bench.instance.staging();
  const stored = await isStored(bench, wanted.digest);
  if (parts.length > 1 || (stored && parts.length > 0)) throw new Error(`parts left in ingest/: ${parts.join(" ")}`);
  if (stored) return "stored";
  return parts.length > 0 ? "part" : "nothing";
}

async function inIndex({ index }: Bench, { repository, digest, tag }: Wanted): Promise<Expected["inIndex"]> {
  const row = await index.read({ upstream: upstreamName, repository, digest, tag });
  const isTagged = tag === undefined || row.tagged === digest;
  if (row.state === "present" && row.isMember && isTagged) return "present";
  return row.state === undefined && !row.isMember && row.tagged === undefined && row.pending === undefined
    ? "none"
    : "known";
}

async function expectRemembered(bench: Bench, wanted: Wanted, first: Reply): Promise<void> {
  const asked = bench.upstream.requests.count();
  const again = await bench.instance.ask(wanted.path);
  expect([again.status, again.body.toString()]).toEqual([first.status, first.body.toString()]);
  expect(bench.upstream.requests.count()).toBe(asked);
  bench.clock.skip(11_000);
}

async function expectRecovery(bench: Bench, wanted: Wanted): Promise<void> {
  const { instance, upstream } = bench;
  const second = await instance.ask(wanted.path);
  expect([second.status, second.isShort, second.body.equals(wanted.bytes)], "the second request").toEqual([
    200,
    false,
    true,
  ]);
  await flightsEnded(bench);
  if (!bench.hasRoom) return;
  await eventually(async () => expect(await inIndex(bench, wanted)).toBe("present"));
  const asked = upstream.requests.count();
  const third = await instance.ask(wanted.path);
  expect([third.status, third.body.equals(wanted.bytes), textOf(third.headers["cache-status"])]).toEqual([
    200,
    true,
    expect.stringMatching(/^entrepot; hit(; ttl=\d+)?$/),
  ]);
  expect(upstream.requests.count(), "requests for a hit").toBe(asked);
}

function sitesOf({ upstream }: Bench) {
  return (["registry", "cdn"] as const).map((site) => upstream.site(site));
}

function codeOf(body: Buffer): string | undefined {
  const document = JSON.parse(body.toString()) as { errors?: { code?: string }[] };
  return document.errors?.[0]?.code;
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}
