import { UpstreamError } from "./errors.ts";
import type { Question } from "./endpoint.ts";

type Path = Pick<Question, "kind" | "repository">;

/**
 * What was given up a moment ago, by repository and kind of request. One bad path opens no breaker; this keeps a storm of
 * requests for it from each waiting for the same time-out, or trying as often.
 */
export interface RecentFailures {
  add(path: Path, error: UpstreamError): void;
  forget(path: Path): void;
  /** @throws UpstreamError the failure, where it is recent */
  refuse(path: Path): void;
}

const rememberedMs = 1000;
const maxEntries = 10_000;

export function createRecentFailures(now: () => number): RecentFailures {
  const failures = new Map<string, { at: number; error: UpstreamError }>();
  return {
    add(path, error) {
      const key = keyOf(path);
      failures.delete(key);
      failures.set(key, { at: now(), error });
      if (failures.size > maxEntries) failures.delete(failures.keys().next().value ?? key);
    },
    forget: (path) => void failures.delete(keyOf(path)),
    refuse(path) {
      const failure = failures.get(keyOf(path));
      if (!failure) return;
      const age = now() - failure.at;
      if (age < 0 || age >= rememberedMs) {
        failures.delete(keyOf(path));
        return;
      }
      const { kind, message, upstream, status, retryAfter, told } = failure.error;
      throw new UpstreamError(kind, `${message}, a moment ago`, {
        upstream,
        status,
        retryAfter,
        told,
        isRecalled: true,
      });
    },
  };
}

function keyOf({ kind, repository }: Path): string {
  return `${kind} ${repository}`;
}
