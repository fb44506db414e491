import { randomBytes } from "node:crypto";
import { ExpiringMap } from "./expiring-map.ts";
import { anonymous, type Principal } from "./principal.ts";

/** Clients take a lifetime under 60 s for 60 s; renewing costs them one request. */
export const tokenLifetimeSeconds = 300;
/** A token that was good when the client sent it must not fail for a clock that is a little off. */
const graceSeconds = 30;
const maxTokens = 10_000;

/** What a token stands for; `stamp` is what it was given for, and must still hold. */
export interface TokenHolder {
  principal: Principal;
  stamp: string | undefined;
}

/** Opaque tokens, known to this process only: a restart makes clients ask for new ones. */
export class Tokens {
  readonly #holders: ExpiringMap<TokenHolder>;
  /** One for all who have no credentials, so that they cannot crowd out the tokens of others. */
  readonly #anonymousToken = randomToken();

  constructor(now: () => number) {
    this.#holders = new ExpiringMap(maxTokens, now);
  }

  issue(holder: TokenHolder): string {
    if (holder.principal === anonymous) return this.#anonymousToken;
    const token = randomToken();
    this.#holders.set(token, holder, (tokenLifetimeSeconds + graceSeconds) * 1000);
    return token;
  }

  holder(token: string): TokenHolder | undefined {
    return token === this.#anonymousToken ? { principal: anonymous, stamp: undefined } : this.#holders.get(token);
  }
}

function randomToken(): string {
  return randomBytes(32).toString("base64url");
}
