import type { RepositoryName } from "../../oci/index.ts";
import type { Credentials } from "../settings.ts";

/** A credential as it is now, or having none. */
export interface Credential {
  /**
   * Names the credential and never holds it: another id for another credential, also where a secret has been replaced.
   * Tokens and connections are kept by it; within an upstream no two credentials share one.
   */
  readonly id: string;
  readonly credentials: Credentials | undefined;
  /** Whether this is what is left where our own credentials do not work: its success says nothing about them. */
  readonly isFallback: boolean;
}

/** Where an endpoint's credentials come from: the configuration, or a client that is asked for its own. */
export interface CredentialSource {
  /**
   * The credential for a repository.
   * @param refused - Id of one that was just refused: where it is still the one in hand, it is looked up again.
   * @throws UpstreamError unauthorized, without a status, where it cannot be had; the signal's reason.
   */
  get(repository: RepositoryName, signal: AbortSignal, refused?: string): Promise<Credential>;
  /** What to go on with where the credentials are refused for good; undefined where the refusal stands. */
  readonly fallback: Credential | undefined;
  /** Told, in words for the log, when a credential was refused and nothing better was found. */
  refusedFinally(reason: string): void;
}

/** No credential. Everybody who has none may share its tokens. */
export const anonymous: Credential = { id: "none", credentials: undefined, isFallback: false };

/** One credential for everything, that never changes: a client's own. Whoever uses it hears of its refusal. */
export function fixedCredential(credential: Credential): CredentialSource {
  return { get: () => Promise.resolve(credential), fallback: undefined, refusedFinally: () => undefined };
}
