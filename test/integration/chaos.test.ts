import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { seededBytes, startUpstream, temperaments, type Temperament, type TestUpstream } from "../upstream/index.ts";

const requests = 300;
const clientsAtOnce = 16;
const repositories = ["chaos/one", "chaos/two"] as const;
/** The upstream answers 404 for this one at times, although it has the blobs. */
const [steady, forgetful] = repositories;

interface Blob {
  digest: string;
  bytes: Buffer;
  /** Whether only the steady repository holds it. */
  isPrivate: boolean;
}

type Random = ReturnType<typeof createRandom>;

/** The same choices for the same seed (mulberry32); what the network does in between is its own. */
function createRandom(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A whole number from 0 up to, not including, `end`. */
  const below = (end: number): number => Math.floor(next() * end);
  function pick<T>(items: readonly T[]): T {
    return items[below(items.length)] as T;
  }
  return { next, below, pick };
}

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;
let unhandled: unknown[];
/** Digests of which the upstream sent wrong bytes, and such whose length it stated wrong. */
let spoiled: Set<string>;
let misstated: Set<string>;
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  [unhandled, spoiled, misstated] = [[], new Set(), new Set()];
  process.on("unhandledRejection", onUnhandled);
});

afterEach(async () => {
  process.off("unhandledRejection", onUnhandled);
  await instance.remove();
  await upstream.close();
});

async function start(maxSize: string): Promise<void> {
  upstream = await startUpstream({});
  clock = new SkippingClock();
  const limits = { headerTimeout: "300ms", idleTimeout: "300ms", answerWithin: "2s", attempts: 3 };
  const settings = {
    storage: { maxSize, minFree: "1MiB" },
    abandoned: { linger: "5ms", keepFor: "5s" },
    upstreams: { "docker.io": { endpoints: [upstream.url], limits } },
  };
  instance = await startInstance({ settings, clock });
}

function pushBlobs({ next, below }: Random, seed: number): Blob[] {
  return Array.from({ length: 12 }, (_, at) => {
    const bytes = seededBytes(`${seed} ${at}`, Math.round(10_000 * 600 ** next()) + below(10));
    const isPrivate = at % 6 === 5;
    const digests = (isPrivate ? [steady] : repositories).map((name) => upstream.pushBlob(name, bytes));
    return { digest: String(digests[0]), bytes, isPrivate };
  });
}

/** `temperament`, which also writes down whose answer it has changed. */
function noting(digests: Set<string>, temperament: Temperament): Temperament {
  return {
    ...temperament,
    reply(reply, context) {
      digests.add(String(context.asked.reference));
      return temperament.reply?.(reply, context) ?? reply;
    },
  };
}

/** The next few requests to the upstream may go wrong, in one way. */
function upset({ next, below, pick }: Random): void {
  upstream.behave();
  const times = 1 + below(3);
  const kinds: (() => Temperament)[] = [
    () => temperaments.truncate(below(2_000_000), pick(["fin", "rst"])),
    () => temperaments.stall(below(1_000_000)),
    () => noting(spoiled, temperaments.wrongByte(below(200_000))),
    () => temperaments.reset(),
    () => temperaments.slow(500_000 + below(5_000_000)),
    () => temperaments.delay(below(250)),
    () => temperaments.status(500),
    () => temperaments.chunked(),
    () => noting(misstated, temperaments.wrongLength(pick([-7, 7]))),
  ];
  if (next() < 0.15) {
    const absent = [temperaments.status(404), temperaments.delay(below(100))];
    upstream.misbehave({ on: "blob", repository: forgetful, times, temperament: absent });
  } else if (next() < 0.8) {
    upstream.misbehave({ on: "blob", times, temperament: pick(kinds)() });
  }
}

/** One client, from its request to its end; resolves to undefined where it left by itself. */
async function ask(random: Random, path: string, size: number): Promise<Reply | undefined> {
  const { next, below, pick } = random;
  const method = next() < 0.1 ? "HEAD" : "GET";
  const first = below(size);
  const range = pick(["bytes=0-", `bytes=${first}-`, `bytes=${first}-${first + below(300_000)}`, `bytes=-${1 + first}`]);
  const headers: Record<string, string> = next() < 0.4 ? { range } : {};
  const leavesAfterMs = next() < 0.2 ? below(80) : undefined;
  const pauseMs = next() < 0.15 ? 1 + below(8) : 0;
  const controller = new AbortController();
  const leaving = leavesAfterMs !== undefined && setTimeout(() => controller.abort(), leavesAfterMs);
  try {
    const { statusCode, headers: got, body } = await instance.open(path, { method, headers, signal: controller.signal });
    const chunks: Buffer[] = [];
    let isShort = false;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        if (pauseMs > 0) await pause(pauseMs);
      }
    } catch {
      isShort = true;
    }
    return { status: statusCode, headers: got, body: Buffer.concat(chunks), isShort };
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    return undefined;
  } finally {
    clearTimeout(leaving || undefined);
  }
}

/** What must hold of every answer, whatever the upstream did. */
function check(words: string, repository: string, { digest, bytes, isPrivate }: Blob, reply: Reply): void {
  const { status, headers, body, isShort } = reply;
  const isHit = headers["cache-status"] === "entrepot; hit";
  const isForbidden = isPrivate && repository !== steady;
  const allowed = isForbidden ? [404, 502, 503, 504] : [200, 206, 416, 502, 503, 504];
  if (repository === forgetful) allowed.push(404);
  // Only a wrong length makes a range of ours lie outside.
  if (!misstated.has(digest)) expect(status, words).not.toBe(416);
  expect(allowed, words).toContain(status);
  if (isShort || body.length === 0) return;
  if (status === 200) expect(sha256(body), words).toBe(digest);
  if (status !== 206 || (spoiled.has(digest) && !isHit)) return;
  const start = Number(/^bytes (\d+)-/.exec(String(headers["content-range"]))?.[1]);
  expect(body.equals(bytes.subarray(start, start + body.length)), words).toBe(true);
}

describe("an upstream that does everything wrong, under clients that do as they like", () => {
  it.each([
    { seed: 20_261, maxSize: "10GiB", isRoomy: true },
    { seed: 20_262, maxSize: "7MiB", isRoomy: false },
  ])("costs answers, never their truth, and leaves nothing behind: seed $seed, $maxSize", async (run) => {
    const random = createRandom(run.seed);
    await start(run.maxSize);
    const blobs = pushBlobs(random, run.seed);
    let left = requests;
    const client = async (): Promise<void> => {
      for (; left > 0; ) {
        left -= 1;
        upset(random);
        const [blob, repository] = [random.pick(blobs), random.pick(repositories)];
        const words = `seed ${run.seed}, request ${requests - left}, ${repository}, ${blob.bytes.length} bytes`;
        const reply = await ask(random, `/v2/${repository}/blobs/${blob.digest}`, blob.bytes.length);
        if (reply) check(words, repository, blob, reply);
      }
    };
    await Promise.all(Array.from({ length: clientsAtOnce }, client));

    const words = `seed ${run.seed}, afterwards`;
    upstream.behave();
    const none = async (name: string): Promise<void> => expect(await instance.metric(name), `${words}: ${name}`).toBe(0);
    await eventually(() => none("entrepot_flights"), 5000);
    // What broke off is kept for a minute, what the upstream refused is believed for seconds.
    clock.skip(120_000);
    await eventually(async () => expect(await instance.staging(), words).toEqual([]));
    await none("entrepot_store_reserved_bytes");
    for (const { digest, isPrivate } of blobs) {
      for (const repository of isPrivate ? [steady] : repositories) {
        const path = `/v2/${repository}/blobs/${digest}`;
        expect(sha256((await instance.ask(path)).body), words).toBe(digest);
        await instance.settled();
        const again = await instance.ask(path);
        if (run.isRoomy) expect(again.headers["cache-status"], words).toBe("entrepot; hit");
      }
    }
    for (const name of ["entrepot_flights", "entrepot_flight_followers", "entrepot_store_reserved_bytes"]) await none(name);
    expect(await instance.metric("entrepot_store_bytes"), words).toBeLessThanOrEqual(
      await instance.metric("entrepot_store_max_bytes"),
    );
    expect(await instance.staging(), words).toEqual([]);
    expect([instance.log.filter(({ level }) => level === "error"), unhandled], words).toEqual([[], []]);
  });
});
