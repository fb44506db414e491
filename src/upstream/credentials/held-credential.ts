import { isDeepStrictEqual } from "node:util";
import { orAborted } from "../or-aborted.ts";
import { CredentialFault } from "./credential-fault.ts";
import type { Credential } from "./credential-source.ts";
import type { Lookup } from "./lookup.ts";

export interface HeldCredential {
  /** @param refused - Id of a credential; looked up past what is kept where it is this one. @throws CredentialFault */
  get(signal: AbortSignal, refused: string | undefined): Promise<Credential>;
}

interface HeldOptions {
  /** Of the entry; an id is this and a number that grows with each change. */
  name: string;
  look: Lookup;
  /** Told of every lookup that failed. */
  onFault: (fault: CredentialFault) => void;
}

/**
 * One entry of the configuration as a credential. Any number of requests share one lookup. Where a lookup fails, what was
 * found last is used as long as nobody refuses it.
 */
export function holdCredential({ name, look, onFault }: HeldOptions): HeldCredential {
  let held: Credential | undefined;
  let generation = 0;
  const underway = new Map<boolean, Promise<Credential>>();

  const find = async (isForced: boolean): Promise<Credential> => {
    try {
      const credentials = await look(isForced);
      if (!held || !isDeepStrictEqual(held.credentials, credentials)) {
        held = { id: `${name}-${++generation}`, credentials, isFallback: false };
      }
      return held;
    } catch (error) {
      if (!(error instanceof CredentialFault)) throw error;
      onFault(error);
      if (held && !isForced) return held;
      throw error;
    }
  };

  return {
    get(signal, refused) {
      const isForced = held !== undefined && held.id === refused;
      let shared = underway.get(isForced);
      if (!shared) {
        shared = find(isForced).finally(() => underway.delete(isForced));
        underway.set(isForced, shared);
      }
      return orAborted(shared, signal);
    },
  };
}
