import { compileGlob } from "../../oci/index.ts";
import { UpstreamError } from "../errors.ts";
import type { CredentialSettings } from "../settings.ts";
import { CredentialFault } from "./credential-fault.ts";
import { anonymous, type Credential, type CredentialSource } from "./credential-source.ts";
import { holdCredential } from "./held-credential.ts";
import { createLookup, type LookupContext } from "./lookup.ts";

interface ConfiguredOptions extends LookupContext {
  upstream: string;
  /** Of the endpoint within its upstream: ids of two endpoints are never the same. */
  index: number;
  entries: readonly CredentialSettings[];
  /** Whether to go on without credentials where they do not work. */
  isAnonymousAllowed: boolean;
  /** Told why credentials do not work, in words for the log. */
  onBroken: (reason: string) => void;
}

/** Shares the tokens of those who have none. */
const fallback: Credential = { ...anonymous, isFallback: true };

/** The credentials that one endpoint has in the configuration. */
export function configuredCredentials(options: ConfiguredOptions): CredentialSource {
  const { upstream, hosts, isAnonymousAllowed, onBroken } = options;
  const entries = options.entries.map(({ match, ...origin }, position) => ({
    globs: match?.map(compileGlob),
    held: holdCredential({
      name: `endpoint-${options.index}-${position}`,
      look: createLookup(origin, options),
      onFault: (fault) => onBroken(fault.message),
    }),
  }));
  return {
    fallback: isAnonymousAllowed ? fallback : undefined,
    async get(repository, signal, refused) {
      const entry = entries.find(({ globs }) => globs?.some((glob) => glob.matches(repository)) ?? true);
      if (!entry) return anonymous;
      try {
        return await entry.held.get(signal, refused);
      } catch (error) {
        if (!(error instanceof CredentialFault)) throw error;
        if (isAnonymousAllowed) return fallback;
        const message = `our own credentials for ${hosts[0] ?? upstream} cannot be had; the log says why`;
        throw new UpstreamError("unauthorized", message, { upstream, cause: error });
      }
    },
    refusedFinally: onBroken,
  };
}
