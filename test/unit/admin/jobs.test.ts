import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Jobs, OperationRefused, type JobProgress } from "../../../src/admin/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** Jobs on a clock that stands still, with the errors that were told of. */
function bench() {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const jobs = new Jobs({ now: () => clock.now(), onError: (error) => errors.push(error) });
  return { clock, errors, jobs };
}

/** Work that rejects when it is cancelled, and not before. */
function endless(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

describe("a job", () => {
  it("tells how far it is, and then what came of it", async () => {
    const { clock, jobs } = bench();
    const work = Promise.withResolvers<unknown>();
    const steps: ((progress: JobProgress) => void)[] = [];
    const started = jobs.start("verify", (_signal, onProgress) => {
      steps.push(onProgress);
      return work.promise;
    });
    expect(started).toEqual({
      id: expect.any(String) as string,
      kind: "verify",
      state: "running",
      startedAt: clock.now(),
      endedAt: undefined,
      progress: { blobs: 0, totalBlobs: 0, bytes: 0, totalBytes: 0 },
      result: undefined,
      error: undefined,
    });
    const progress = { blobs: 1, totalBlobs: 2, bytes: 3, totalBytes: 4 };
    steps[0]?.(progress);
    expect(jobs.get(started.id)).toEqual({ ...started, progress });
    clock.advance(1000);
    work.resolve({ findings: [] });
    await nextTurn();
    const ended = { ...started, progress, state: "done", endedAt: clock.now(), result: { findings: [] } };
    expect(jobs.get(started.id)).toEqual(ended);
    steps[0]?.({ ...progress, blobs: 2 });
    expect(jobs.get(started.id)).toEqual(ended);
  });

  it.each([
    ["with a code", Object.assign(new Error("no space left"), { code: "ENOSPC" }), "no space left", 1],
    ["that is refused", new OperationRefused(422, "not that directory"), "not that directory", 0],
    ["of a bug", new TypeError("password=hunter2"), "something went wrong here; the log says more", 1],
  ])("tells of an error %s what may be told", async (_words, failure, error, reports) => {
    const { errors, jobs } = bench();
    const { id } = jobs.start("backup", () => Promise.reject(failure));
    await nextTurn();
    expect(jobs.get(id)).toMatchObject({ state: "failed", error, result: undefined });
    expect(errors).toEqual(Array<unknown>(reports).fill(failure));
  });

  it("fails where its work throws at once", async () => {
    const { jobs } = bench();
    const { id } = jobs.start("backup", () => {
      throw new Error("at once");
    });
    await nextTurn();
    expect(jobs.get(id)?.state).toBe("failed");
  });

  it("runs alone of its kind", async () => {
    const { jobs } = bench();
    const { id } = jobs.start("verify", endless);
    expect(() => jobs.start("verify", endless)).toThrow(
      new OperationRefused(409, `a verification runs already, as job ${id}`),
    );
    expect(jobs.start("backup", endless).state).toBe("running");
    jobs.cancel(id);
    await nextTurn();
    expect(jobs.start("verify", endless).state).toBe("running");
    await jobs.close();
  });
});

describe("cancelling", () => {
  it("ends the work, and that is no error", async () => {
    const { errors, jobs } = bench();
    const { id } = jobs.start("verify", endless);
    expect(jobs.cancel(id)).toBe(true);
    expect(jobs.get(id)?.state).toBe("running");
    await nextTurn();
    expect(jobs.get(id)).toMatchObject({ state: "cancelled", error: undefined });
    expect(errors).toEqual([]);
  });

  it("does not take back what was done all the same", async () => {
    const { jobs } = bench();
    const { id } = jobs.start("verify", () => Promise.resolve("result"));
    jobs.cancel(id);
    await nextTurn();
    expect(jobs.get(id)).toMatchObject({ state: "done", result: "result" });
  });

  it("has nothing to do for a job that has ended or is not known", async () => {
    const { jobs } = bench();
    const { id } = jobs.start("verify", () => Promise.resolve());
    await nextTurn();
    expect(jobs.cancel(id)).toBe(false);
    expect(jobs.cancel("other")).toBe(false);
  });
});

describe("the list of jobs", () => {
  it("keeps the last 50, newest first, and what runs", async () => {
    const { jobs } = bench();
    const long = jobs.start("backup", endless);
    const ids: string[] = [];
    for (let count = 0; count < 60; count += 1) {
      ids.unshift(jobs.start("verify", () => Promise.resolve()).id);
      await nextTurn();
    }
    expect(jobs.list().map(({ id }) => id)).toEqual([...ids.slice(0, 49), long.id]);
    expect(jobs.get(ids[49] ?? "")).toBeUndefined();
    await jobs.close();
  });
});

describe("closing", () => {
  it("cancels what runs and waits for its end; nothing is started after that", async () => {
    const { jobs } = bench();
    const last = Promise.withResolvers<undefined>();
    const { id } = jobs.start("verify", async (signal) => {
      await endless(signal).catch(() => undefined);
      await last.promise;
      throw signal.reason;
    });
    let isClosed = false;
    const closing = jobs.close().then(() => (isClosed = true));
    await nextTurn();
    expect(isClosed).toBe(false);
    last.resolve(undefined);
    await closing;
    expect(jobs.get(id)?.state).toBe("cancelled");
    expect(() => jobs.start("verify", endless)).toThrow("the server is stopping");
  });
});
