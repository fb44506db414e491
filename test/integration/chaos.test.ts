import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { seededBytes, startUpstream, temperaments, type Temperament, type TestUpstream } from "../upstream/index.ts";

const requests = 300;
const clientsAtOnce = 16;
/** Far more than `answerWithin`: this finds what would wait for ever, not what is slow. */
const mayWaitMs = 20_000;
/** The second one is answered 404 at times, although it has the blobs. */
const repositories = ["chaos/one", "chaos/two"] as const;
const [steady, forgetful] = repositories;

type Answer = Reply & { waitedMs: number };
type Blob = ReturnType<typeof pushBlobs>[number];
type Random = ReturnType<typeof createRandom>;

/** The same choices for the same seed; what the network does in between is its own. */
function createRandom(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
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

/** Twelve blobs from 10 kB to 6 MB; a private one is in the steady repository only. */
function pushBlobs({ next, below }: Random, seed: number) {
  return Array.from({ length: 12 }, (_, at) => {
    const bytes = seededBytes(`${seed} ${at}`, Math.round(10_000 * 600 ** Math.sqrt(next())) + below(10));
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
    () => noting(spoiled, temperaments.wrongByte(below(2_000_000))),
    () => temperaments.reset(),
    () => temperaments.slow(500_000 + below(5_000_000)),
    () => temperaments.delay(below(250)),
    () => temperaments.status(500),
    () => temperaments.chunked(),
    () => noting(misstated, temperaments.wrongLength(pick([-7, 7]))),
  ];
  const absent = [temperaments.status(404), temperaments.delay(20 + below(200))];
  if (next() < 0.15) upstream.misbehave({ on: "blob", repository: forgetful, times, temperament: absent });
  else if (next() < 0.8) upstream.misbehave({ on: "blob", times, temperament: pick(kinds)() });
}

/** One client, from its request to its end; undefined where it left by itself. */
async function ask({ next, below, pick }: Random, path: string, size: number): Promise<Answer | undefined> {
  const method = next() < 0.1 ? "HEAD" : "GET";
  const first = below(size);
  const range = pick(["0-", `${first}-`, `${first}-${first + below(300_000)}`, `-${1 + first}`]);
  const headers: Record<string, string> = next() < 0.4 ? { range: `bytes=${range}` } : {};
  const controller = new AbortController();
  const leavesAfterMs = next() < 0.2 ? below(80) : 2 ** 30;
  const leaving = setTimeout(() => controller.abort(), leavesAfterMs);
  const pauseMs = next() < 0.15 ? 1 + below(8) : 0;
  const chunks: Buffer[] = [];
  let answer: Omit<Answer, "body"> | undefined;
  try {
    const askedAt = performance.now();
    const got = await instance.open(path, { method, headers, signal: controller.signal });
    answer = { status: got.statusCode, headers: got.headers, waitedMs: performance.now() - askedAt, isShort: true };
    for await (const chunk of got.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if (pauseMs > 0) await pause(pauseMs);
    }
    answer.isShort = false;
  } catch (error) {
    if (!answer && !controller.signal.aborted) throw error;
  } finally {
    clearTimeout(leaving);
  }
  return answer && !controller.signal.aborted ? { ...answer, body: Buffer.concat(chunks) } : undefined;
}

/** What must hold of every answer, whatever the upstream did. */
function check(words: string, repository: string, { digest, bytes, isPrivate }: Blob, answer: Answer): void {
  const { status, headers, body, isShort, waitedMs } = answer;
  const isHit = headers["cache-status"] === "entrepot; hit";
  const allowed = [502, 503, 504, ...(isPrivate && repository !== steady ? [404] : [200, 206, 416])];
  if (repository === forgetful) allowed.push(404);
  // Only a wrong length makes a range of ours lie outside.
  if (!misstated.has(digest)) expect(status, words).not.toBe(416);
  expect(allowed, words).toContain(status);
  expect(waitedMs, words).toBeLessThan(mayWaitMs);
  if (isShort || body.length === 0) return;
  if (status === 200) expect(sha256(body), words).toBe(digest);
  if (status !== 206 || (spoiled.has(digest) && !isHit)) return;
  const start = Number(/^bytes (\d+)-/.exec(String(headers["content-range"]))?.[1]);
  expect(body.equals(bytes.subarray(start, start + body.length)), words).toBe(true);
}

/** The first answer that is no error: a question asked while the upstream was ill may still be waiting for its limits. */
function answered(path: string, words: string): Promise<Reply> {
  return eventually(async () => {
    const reply = await instance.ask(path);
    expect(reply.status === 200 || reply.body.toString(), words).toBe(true);
    return reply;
  }, 5000);
}

describe("an upstream that does everything wrong, under clients that do as they like", () => {
  const runs = [20_261, 20_262].map((seed) => ({ seed, isRoomy: seed % 2 === 1 }));
  it.each(runs)(
    "costs answers, never their truth, and leaves nothing behind: seed $seed, room for all: $isRoomy",
    async (run) => {
      const random = createRandom(run.seed);
      await start(run.isRoomy ? "10GiB" : "7MiB");
      const blobs = pushBlobs(random, run.seed);
      let left = requests;
      let blob = random.pick(blobs);
      const client = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          if (random.next() < 0.6) upset(random);
          // Clients come in crowds: an image that is rolled out is asked for by all machines at once.
          if (random.next() < 0.4) blob = random.pick(blobs);
          const [asked, repository] = [blob, random.pick(repositories)];
          const words = `seed ${run.seed}, request ${requests - left}, ${repository}, ${asked.bytes.length} bytes`;
          const answer = await ask(random, `/v2/${repository}/blobs/${asked.digest}`, asked.bytes.length);
          if (answer) check(words, repository, asked, answer);
        }
      };
      await Promise.all(Array.from({ length: clientsAtOnce }, client));

      const words = `seed ${run.seed}, afterwards`;
      upstream.behave();
      const none = async (name: string): Promise<void> => expect(await instance.metric(name), name).toBe(0);
      await eventually(() => none("entrepot_flights"), 5000);
      clock.skip(120_000);
      await eventually(async () => expect(await instance.staging(), words).toEqual([]));
      await none("entrepot_store_reserved_bytes");
      for (const { digest, isPrivate } of blobs) {
        for (const repository of isPrivate ? [steady] : repositories) {
          const path = `/v2/${repository}/blobs/${digest}`;
          const { body, isShort } = await answered(path, words);
          expect([isShort, sha256(body)], words).toEqual([false, digest]);
          await instance.settled();
          if (run.isRoomy) expect((await instance.ask(path)).headers["cache-status"], words).toBe("entrepot; hit");
        }
      }
      for (const name of ["flights", "flight_followers", "store_reserved_bytes"]) await none(`entrepot_${name}`);
      const most = await instance.metric("entrepot_store_max_bytes");
      expect(await instance.metric("entrepot_store_bytes"), words).toBeLessThanOrEqual(most);
      expect([instance.log.filter(({ level }) => level === "error"), unhandled], words).toEqual([[], []]);
    },
  );
});
