import type { Credentials } from "../settings.ts";
import type { Printed } from "./program-output.ts";

/** How long an answer is good that does not say so: the helpers of docker say nothing of it. */
const keptForMs = 5 * 60_000;
/** A program is not run again sooner than this, whoever refuses what it printed, and whether it failed. */
const restMs = 10_000;

type Outcome = { credentials: Credentials } | { error: unknown };

/**
 * A lookup whose answer is kept until it expires, and a failure for a moment. What was refused is asked for again at once,
 * unless it is just as new.
 * @param now - Wall clock, in ms: answers say in its terms when they expire.
 */
export function keepAnswers(
  now: () => number,
  ask: () => Promise<Printed>,
): (isForced: boolean) => Promise<Credentials> {
  let last: { outcome: Outcome; askedAt: number; freshUntil: number } | undefined;
  const renew = async (): Promise<Outcome> => {
    const askedAt = now();
    try {
      const { credentials, expiresAt } = await ask();
      last = { outcome: { credentials }, askedAt, freshUntil: freshUntil(askedAt, expiresAt) };
    } catch (error) {
      last = { outcome: { error }, askedAt, freshUntil: askedAt + restMs };
    }
    return last.outcome;
  };
  return async (isForced) => {
    const isKept = last && now() >= last.askedAt && now() < (isForced ? last.askedAt + restMs : last.freshUntil);
    const outcome = last && isKept ? last.outcome : await renew();
    if ("error" in outcome) throw outcome.error;
    return outcome.credentials;
  };
}

/** A fifth of a stated life, at most a minute of it, is left unused: a request may take its time. */
function freshUntil(askedAt: number, expiresAt: number | undefined): number {
  if (expiresAt === undefined) return askedAt + keptForMs;
  const lifeMs = Math.max(0, expiresAt - askedAt);
  return askedAt + Math.max(restMs, lifeMs - Math.min(60_000, lifeMs / 5));
}
