import { backoffMs } from "./backoff.ts";
import { UpstreamError } from "./errors.ts";
import type { Endpoint, Question } from "./endpoint.ts";
import type { Asking } from "./question.ts";
import type { RequestOptions } from "./upstream.ts";

/** A longer wait than this is not sat out within a request. */
const maxRetryAfterSeconds = 10;
/** What must be left for the request itself after a wait. */
const leastMs = 250;
/** The caller's timer may be this early. */
const toleranceMs = 50;

export interface AskOptions extends RequestOptions {
  /** A download that has begun counts its attempts itself: nobody's failure keeps it from the next one. */
  isResuming?: boolean | undefined;
}

type Round<T> = { kind: "answered"; answer: T | undefined } | { kind: "failed"; error: UpstreamError; retry: Retry };

/** Whether any endpoint may do better the next time, and how many seconds at the least that takes. */
type Retry = { isWorthwhile: false } | { isWorthwhile: true; afterSeconds: number };

/**
 * Asks the endpoints in their order. What the origin, or a parent for it, says is final where it is an answer, a 401, 403
 * or 404 (`undefined`); the next is asked only when the one before has failed, and a mirror's refusal means "ask the next". Where all
 * have failed they are asked again after a wait with full jitter, `limits.attempts` times in all, as long as the caller
 * has time for it; a hurried caller is told after the first round.
 * @throws UpstreamError that of the first, where no other could help
 */
export async function askInOrder<T>(
  asking: Asking,
  question: Pick<Question, "kind" | "repository">,
  options: AskOptions,
  ask: (endpoint: Endpoint) => Promise<T | undefined>,
): Promise<T | undefined> {
  const { signal, isResuming = false, isHurried = isResuming } = options;
  if (!isResuming) asking.recentFailures.refuse(question);
  let failure: UpstreamError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const round = await askEach(asking.endpoints, signal, ask).catch((error: unknown) => {
      // Out of time while asking again: what went wrong before says more than that.
      throw failure && signal.aborted && isOver(asking, options) ? failure : error;
    });
    if (round.kind === "answered") {
      asking.recentFailures.forget(question);
      return round.answer;
    }
    if (!failure || !round.error.isRecalled) failure = round.error;
    const waitMs =
      isHurried || attempt >= asking.limits.attempts ? undefined : waitBefore(asking, options, round, attempt);
    if (waitMs === undefined) {
      if (isWorthRemembering(failure, options)) asking.recentFailures.add(question, failure);
      throw failure;
    }
    await asking.delay(waitMs, signal);
    asking.observer.retry();
  }
}

/** One round: the first endpoint that answers, or the failure of the first. */
async function askEach<T>(
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
  ask: (endpoint: Endpoint) => Promise<T | undefined>,
): Promise<Round<T>> {
  let failure: UpstreamError | undefined;
  const waits: number[] = [];
  for (const endpoint of endpoints) {
    try {
      const answer = await ask(endpoint);
      if (answer !== undefined || endpoint.isOrigin) return { kind: "answered", answer };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UpstreamError)) throw error;
      // Without a status it is no answer: our own credentials cannot be had, and a mirror does not need them.
      const isRefusal = error.status !== undefined && (error.kind === "unauthorized" || error.kind === "denied");
      // That a parent does not let us in says nothing of what the registry would say; that it hands a refusal down does.
      const isOurs = endpoint.isParent && error.kind === "unauthorized";
      if (endpoint.isOrigin && isRefusal && !isOurs) throw error;
      failure ??= error;
      if (error.canRetry) waits.push(error.retryAfter ?? 0);
    }
  }
  if (!failure) throw new Error("an upstream without an origin");
  const retry: Retry =
    waits.length > 0 ? { isWorthwhile: true, afterSeconds: Math.min(...waits) } : { isWorthwhile: false };
  return { kind: "failed", error: failure, retry };
}

/** How long to wait before asking again, in ms; undefined where that is pointless, or takes longer than there is time. */
function waitBefore<T>(
  asking: Asking,
  { deadlineAt = Infinity }: RequestOptions,
  { retry }: Extract<Round<T>, { kind: "failed" }>,
  attempt: number,
): number | undefined {
  if (!retry.isWorthwhile || retry.afterSeconds > maxRetryAfterSeconds) return undefined;
  const waitMs = Math.max(backoffMs(attempt), retry.afterSeconds * 1000);
  return asking.now() + waitMs + leastMs <= deadlineAt ? waitMs : undefined;
}

/** What took long, or was tried often; a host that cannot be reached is a matter of its breaker. */
function isWorthRemembering(failure: UpstreamError, { isHurried = false, isResuming = false }: AskOptions): boolean {
  if (failure.isRecalled || isResuming) return false;
  return failure.kind === "timeout" || (failure.canRetry && failure.status !== undefined && !isHurried);
}

function isOver(asking: Asking, { deadlineAt = Infinity }: RequestOptions): boolean {
  return asking.now() >= deadlineAt - toleranceMs;
}
