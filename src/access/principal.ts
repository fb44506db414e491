import { createHmac, randomBytes } from "node:crypto";
import type { TokenScope } from "./scopes.ts";

/** A user name and a password as a client sent them. */
export interface ClientCredentials {
  readonly kind: "basic";
  readonly username: string;
  readonly password: string;
}

/** Who asks. */
export interface Principal {
  /** Names the principal in maps: a user of the htpasswd file, a keyed hash of the credential, or `anonymous`. Not for logs. */
  readonly id: string;
  /** The user of the htpasswd file, for the log; undefined where nobody has checked the name. */
  readonly user: string | undefined;
  /** What the client would show to an upstream. Undefined for nothing, and where the credential is for entrepot alone. */
  readonly credentials: ClientCredentials | undefined;
  /** What the token that was shown had been asked for: a push needs a token for pushing. Undefined without a token. */
  readonly scopes?: readonly TokenScope[];
}

export const anonymous: Principal = { id: "anonymous", user: undefined, credentials: undefined };

/** A key of this process: hashes made with it mean nothing elsewhere, nor after a restart. */
const processKey = randomBytes(32);

/** A name for a secret that does not give it away. */
export function keyedHash(...parts: readonly string[]): string {
  return createHmac("sha256", processKey).update(JSON.stringify(parts)).digest("base64url");
}

/** The principal of a credential that only an upstream can check. */
export function principalOf(credentials: ClientCredentials): Principal {
  return { id: keyedHash(credentials.username, credentials.password), user: undefined, credentials };
}
