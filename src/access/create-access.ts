import type { IncomingMessage } from "node:http";
import { RegistryError, type RepositoryName } from "../oci/index.ts";
import { Authenticator, orAnonymous } from "./authenticator.ts";
import { createChallenges } from "./challenges.ts";
import { createConnectionReader } from "./client-connection.ts";
import { Passwords } from "./passwords/passwords.ts";
import { anonymous, type Principal } from "./principal.ts";
import { createRuleBook, type AccessRule } from "./rules.ts";
import { covers } from "./scopes.ts";
import { Tokens } from "./tokens.ts";
import { TokenService, type TokenDocument } from "./token-service.ts";

export interface AccessSettings {
  access: {
    mode: "open" | "basic" | "upstream";
    htpasswdFile: string | undefined;
    rules: readonly AccessRule[] | undefined;
  };
  trustedProxies: readonly string[];
  allowPlaintext: boolean;
}

export interface AccessPorts {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** What is wrong with a file that was read again while we run, in words. */
  onFault: (fault: string) => void;
  /** Whether some upstream takes pushes, for which clients need credentials also where pulls are open. */
  hasPushes: boolean;
}

/** What a request is about, once it has been understood. */
export interface AccessTarget {
  upstream: string;
  repository: RepositoryName;
}

/** Who asks, and what they may have. */
export interface Access {
  /** Whether a client has a reason to send credentials. */
  readonly expectsCredentials: boolean;
  /** Refuses a ping that shows no one, so that clients ask for a token; docker and podman look at no other answer. */
  ping(request: IncomingMessage): Promise<void>;
  /** Who sends a pull. @throws RegistryError UNAUTHORIZED, DENIED, UNAVAILABLE */
  authenticate(request: IncomingMessage): Promise<Principal>;
  /**
   * Who sends a push: what the upstream is then shown is the client's own, be it nothing.
   * @param push - The repository as the client writes it, and what is to be done there.
   * @throws RegistryError UNAUTHORIZED, also for a token that was asked for something else; DENIED, UNAVAILABLE
   */
  authenticatePush(request: IncomingMessage, push: { name: string; action: "push" | "delete" }): Promise<Principal>;
  /** Whether the principal has come to push to the repository that it calls `name`: what is there, the upstream must say. */
  isPushing(principal: Principal, name: string): boolean;
  /** The error that asks for other credentials than those that an upstream has refused. */
  refuse(request: IncomingMessage, message: string): RegistryError;
  /** Returns where the principal may have what the request asks for; the one place that decides. @throws RegistryError */
  authorize(request: IncomingMessage, principal: Principal, target: AccessTarget): Promise<void>;
  /** The answer of `tokenPath`. @throws RegistryError */
  answerToken(request: IncomingMessage): Promise<TokenDocument>;
  close(): Promise<void>;
}

export function createAccess(settings: AccessSettings, ports: AccessPorts): Access {
  const { mode, htpasswdFile, rules } = settings.access;
  const challenges = createChallenges(createConnectionReader(settings.trustedProxies), settings.allowPlaintext);
  const passwords = mode === "basic" ? new Passwords(htpasswdFile ?? "", ports) : undefined;
  const tokens = new Tokens(ports.now);
  const authenticator = new Authenticator({ challenges, tokens, passwords });
  const tokenService = new TokenService({ authenticator, challenges, tokens, now: ports.now });
  const mayPull = mode === "basic" ? createRuleBook(rules) : () => true;
  const expectsCredentials = mode !== "open" || ports.hasPushes;

  return {
    expectsCredentials,
    async ping(request) {
      // Over a connection that others can read along, pulls of an open cache go on without anybody being asked.
      if (!expectsCredentials || (mode === "open" && !challenges.isAllowed(request))) return;
      if (request.headers.authorization === undefined) throw challenges.unauthorized(request, "a token is needed");
      await authenticator.authenticate(request);
    },
    authenticate: async (request) => {
      if (mode !== "open") return authenticator.authenticate(request);
      return expectsCredentials ? orAnonymous(authenticator.authenticate(request)) : anonymous;
    },
    async authenticatePush(request, { name, action }) {
      if (passwords) {
        const words = "pushes need credentials of the upstream, and access.mode: basic knows only its own users";
        throw new RegistryError("DENIED", words);
      }
      const principal = await authenticator.authenticate(request);
      if (principal === anonymous || covers(principal.scopes, name, action)) return principal;
      throw challenges.unauthorized(request, `the token was not asked for the action ${action} on ${name}`, {
        error: "insufficient_scope",
      });
    },
    isPushing: ({ credentials, scopes }, name) =>
      credentials !== undefined && scopes !== undefined && covers(scopes, name, "push"),
    refuse: (request, message) => challenges.unauthorized(request, message, { error: "insufficient_scope" }),
    authorize(request, principal, { upstream, repository }) {
      if (mayPull(principal, `${upstream}/${repository}`)) return Promise.resolve();
      if (principal === anonymous) throw challenges.unauthorized(request, "credentials are needed");
      throw new RegistryError("NAME_UNKNOWN", `${upstream}/${repository} is not for this user`, {
        detail: { upstream, repository, policy: "access.rules" },
      });
    },
    answerToken: (request) => tokenService.answer(request),
    close: async () => passwords?.close(),
  };
}
