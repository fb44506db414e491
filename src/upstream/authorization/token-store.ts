import { performance } from "node:perf_hooks";
import { orAborted } from "../or-aborted.ts";
import type { Credentials } from "../settings.ts";

/** What a token is for. Two requests share a token only if all of it is equal, the credential included. */
export interface TokenRequest {
  realm: URL;
  service: string | undefined;
  scope: string | undefined;
  credentials: Credentials | undefined;
  /** Names the credential, never holds it. */
  credentialId: string;
  /** Whether the token service must have a public address. */
  isGuarded: boolean;
}

export interface Token {
  token: string;
  /** Seconds the token service said it is good for. */
  expiresIn: number;
}

/** `isFresh` tells a token that was asked for just now from one that was kept. */
export interface HeldToken {
  token: string;
  isFresh: boolean;
}

interface StoreOptions {
  request: (wanted: TokenRequest) => Promise<Token>;
  /** Milliseconds that never go back. */
  now?: () => number;
}

export interface TokenStore {
  /** A token, kept or asked for; never `rejected`, which the registry did not accept. One request for any number of waiters. */
  get(wanted: TokenRequest, rejected: string | undefined, signal: AbortSignal): Promise<HeldToken>;
}

const maxTokens = 10_000;
const maxLifetimeSeconds = 24 * 3600;

/** Keeps tokens until shortly before they expire (distribution's token specification, `expires_in`). */
export function createTokenStore({ request, now = () => performance.now() }: StoreOptions): TokenStore {
  const kept = new Map<string, { token: string; staleAt: number }>();
  const underway = new Map<string, Promise<string>>();

  const fetchToken = async (id: string, wanted: TokenRequest): Promise<string> => {
    const askedAt = now();
    const { token, expiresIn } = await request(wanted);
    const lifetime = Math.min(expiresIn, maxLifetimeSeconds);
    const margin = Math.min(30, lifetime * 0.2);
    kept.delete(id);
    kept.set(id, { token, staleAt: askedAt + (lifetime - margin) * 1000 });
    if (kept.size > maxTokens) kept.delete(kept.keys().next().value ?? "");
    return token;
  };

  return {
    async get(wanted, rejected, signal) {
      signal.throwIfAborted();
      const { realm, service, scope, credentialId, isGuarded } = wanted;
      const id = JSON.stringify([realm.href, service, scope, credentialId, isGuarded]);
      const held = kept.get(id);
      if (held && held.token !== rejected && held.staleAt > now()) return { token: held.token, isFresh: false };
      kept.delete(id);
      let shared = underway.get(id);
      if (!shared) {
        shared = fetchToken(id, wanted).finally(() => underway.delete(id));
        underway.set(id, shared);
      }
      return { token: await orAborted(shared, signal), isFresh: true };
    },
  };
}
