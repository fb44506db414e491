import { UpstreamError } from "./errors.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * Asks the endpoints in their order, the origin first. What the origin says is final where it is an answer, a 401, 403
 * or 404 (`undefined`); a mirror is asked only when the origin failed, and its refusal means "ask the next".
 * @throws UpstreamError the origin's, where no mirror could help
 */
export async function askInOrder<T>(
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
  ask: (endpoint: Endpoint) => Promise<T | undefined>,
): Promise<T | undefined> {
  let failure: unknown;
  for (const endpoint of endpoints) {
    try {
      const answer = await ask(endpoint);
      if (answer !== undefined || endpoint.isOrigin) return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UpstreamError)) throw error;
      if (endpoint.isOrigin) {
        if (error.kind === "unauthorized" || error.kind === "denied") throw error;
        failure = error;
      }
    }
  }
  throw failure;
}
