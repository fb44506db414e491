import type { IncomingMessage } from "node:http";
import { RegistryError } from "../oci/index.ts";
import { parseAuthorization, type SentAuthorization } from "./authorization-header.ts";
import type { Challenges } from "./challenges.ts";
import type { Passwords } from "./passwords/passwords.ts";
import { anonymous, principalOf, type ClientCredentials, type Principal } from "./principal.ts";
import type { TokenHolder, Tokens } from "./tokens.ts";

interface AuthenticatorPorts {
  challenges: Challenges;
  tokens: Tokens;
  /** Undefined where only an upstream can check a credential. */
  passwords: Passwords | undefined;
}

/** Who sends a request, by its Authorization field. */
export class Authenticator {
  readonly #ports: AuthenticatorPorts;

  constructor(ports: AuthenticatorPorts) {
    this.#ports = ports;
  }

  /** @throws RegistryError UNAUTHORIZED for what is wrong, DENIED for what came in plain text, UNAVAILABLE */
  async authenticate(request: IncomingMessage): Promise<Principal> {
    const sent = parseAuthorization(request.headers.authorization);
    if (sent.kind === "none") return anonymous;
    if (!this.#ports.challenges.isAllowed(request) && !this.#isAnonymousToken(sent)) {
      throw this.#ports.challenges.refusePlaintext();
    }
    if (sent.kind === "basic") return (await this.hold(request, sent.credentials)).principal;
    const holder = sent.kind === "bearer" ? this.#holderOf(sent.token) : undefined;
    if (holder) return holder.principal;
    throw this.#ports.challenges.unauthorized(request, "the token is not known here, or has expired", {
      error: "invalid_token",
    });
  }

  /** What a token for these credentials stands for. @throws RegistryError UNAUTHORIZED, UNAVAILABLE */
  async hold(request: IncomingMessage, credentials: ClientCredentials): Promise<TokenHolder> {
    const { passwords, challenges } = this.#ports;
    if (!passwords) return { principal: principalOf(credentials), stamp: undefined };
    const stamp = await passwords.check(credentials, request.socket.remoteAddress ?? "");
    if (stamp === undefined) throw challenges.unauthorized(request, "the user name or the password is wrong");
    const user = credentials.username;
    // The password is for entrepot: no upstream shall see it.
    return { principal: { id: `user ${user}`, user, credentials: undefined }, stamp };
  }

  #isAnonymousToken(sent: SentAuthorization): boolean {
    return sent.kind === "bearer" && this.#ports.tokens.holder(sent.token)?.principal === anonymous;
  }

  /** A token of a user who has gone from the file, or has another password now, is none. */
  #holderOf(token: string): TokenHolder | undefined {
    const { tokens, passwords } = this.#ports;
    const holder = tokens.holder(token);
    const { stamp, principal } = holder ?? { stamp: undefined, principal: anonymous };
    if (stamp === undefined) return holder;
    return passwords?.isCurrent(principal.user ?? "", stamp) === true ? holder : undefined;
  }
}

/** Where credentials mean nothing, what is wrong with them means nothing either. */
export async function orAnonymous(principal: Promise<Principal>): Promise<Principal> {
  return principal.catch((error: unknown) => {
    if (error instanceof RegistryError) return anonymous;
    throw error;
  });
}
