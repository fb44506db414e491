import type { IncomingMessage } from "node:http";
import { RegistryError } from "../oci/index.ts";
import type { ClientConnection } from "./client-connection.ts";

export const tokenPath = "/auth/token";
export const service = "entrepot";

const howToBeSafe = "use https, or set allowPlaintext: true where the network is trusted";

/** What a client is told that must show who it is: how, or why it had better not over this connection. */
export interface Challenges {
  /** Whether credentials may be sent, and asked for, over this connection. */
  isAllowed(request: IncomingMessage): boolean;
  /**
   * 401 with the challenge of our own token service; where credentials could be read along, 403 without any, so that none
   * are sent.
   * @param error - `invalid_token` or `insufficient_scope` (RFC 6750 section 3.1), where the client has shown something.
   */
  unauthorized(request: IncomingMessage, message: string, options?: ChallengeOptions): RegistryError;
  /** For credentials that have come over a connection on which they could be read along. */
  refusePlaintext(): RegistryError;
}

export interface ChallengeOptions {
  error?: "invalid_token" | "insufficient_scope" | undefined;
  detail?: Record<string, unknown>;
  cause?: unknown;
}

export function createChallenges(
  connectionOf: (request: IncomingMessage) => ClientConnection,
  allowPlaintext: boolean,
): Challenges {
  const isAllowed = (request: IncomingMessage): boolean => allowPlaintext || connectionOf(request).isConfidential;
  return {
    isAllowed,
    unauthorized(request, message, { error, detail, cause } = {}) {
      const { origin } = connectionOf(request);
      const options = { ...(detail && { detail }), cause };
      if (!isAllowed(request)) {
        const words = `${message}, and credentials are not taken over plain http: ${howToBeSafe}`;
        return new RegistryError("DENIED", words, options);
      }
      if (origin === undefined)
        return new RegistryError("DENIED", `${message}, and the Host header is no host`, options);
      const parts = [`realm="${origin}${tokenPath}"`, `service="${service}"`, ...(error ? [`error="${error}"`] : [])];
      return new RegistryError("UNAUTHORIZED", message, { ...options, challenge: `Bearer ${parts.join(",")}` });
    },
    refusePlaintext: () =>
      new RegistryError(
        "DENIED",
        `credentials are not taken over plain http: ${howToBeSafe}; change the ones just sent`,
      ),
  };
}
