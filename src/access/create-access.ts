import type { IncomingMessage } from "node:http";
import { RegistryError, type Digest, type RepositoryName } from "../oci/index.ts";
import type { Upstream } from "../upstream/index.ts";
import { Authenticator, orAnonymous } from "./authenticator.ts";
import { createChallenges } from "./challenges.ts";
import { createConnectionReader } from "./client-connection.ts";
import { createPolicy, type Policy, type PolicySettings } from "./policy.ts";
import { Passwords } from "./passwords/passwords.ts";
import { anonymous, type Principal } from "./principal.ts";
import { createRuleBook, type AccessRule } from "./rules.ts";
import { covers } from "./scopes.ts";
import { Tokens } from "./tokens.ts";
import { TokenService, type TokenDocument } from "./token-service.ts";
import { digestOfAsked, type AccessTarget } from "./target.ts";
import { absenceError, refusalDetail, undecidedError } from "./verdict-errors.ts";
import { Verdicts, type VerdictPorts } from "./verdicts.ts";

export interface AccessSettings extends PolicySettings {
  access: {
    mode: "open" | "basic" | "upstream";
    htpasswdFile: string | undefined;
    rules: readonly AccessRule[] | undefined;
    verdictForMs: number;
  };
  trustedProxies: readonly string[];
  allowPlaintext: boolean;
}

export interface AccessPorts extends Pick<VerdictPorts, "upstreams" | "setTimer"> {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** What is wrong with a file that was read again while we run, in words. */
  onFault: (fault: string) => void;
  /** Whether some upstream takes pushes, for which clients need credentials also where pulls are open. */
  hasPushes: boolean;
}

/** A principal who pulls with its own credential: what must not be shared with others is kept under its id. */
export interface Viewer {
  id: string;
  /** The upstream, asked with the viewer's credential or without any, never with the configured one. */
  upstream: Upstream;
}

/** Who asks, and what they may have. */
export interface Access {
  /** Where a request comes from, as far as proxies in between are trusted; undefined on a unix socket. */
  addressOf(request: IncomingMessage): string | undefined;
  /** Whether an address is one of `trustedProxies`: its connections carry many clients. */
  isProxy(address: string): boolean;
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
  /**
   * Whether the principal may have what the request asks for: the one place that decides, before the cache is asked.
   * @returns with whose eyes the upstream is to be seen; undefined for the configured credentials.
   * @throws RegistryError
   */
  authorize(request: IncomingMessage, principal: Principal, target: AccessTarget): Promise<Viewer | undefined>;
  /** Goes over to other rules and policies; what else is in the settings stays as it was. */
  apply(settings: AccessSettings): void;
  /** A push through us has changed a repository of an upstream. */
  pushed(upstream: string, repository: RepositoryName): void;
  /** For pushes, which the upstream itself authorizes: what is denied here is denied to them too. @throws RegistryError NAME_UNKNOWN */
  refuseRepository: Policy["refuseRepository"];
  /** For what a tag turned out to name. @throws RegistryError DENIED */
  refuseDigest(digest: Digest): void;
  isDenied: Policy["isDenied"];
  /** The answer of `tokenPath`. @throws RegistryError */
  answerToken(request: IncomingMessage): Promise<TokenDocument>;
  close(): Promise<void>;
}

export function createAccess(settings: AccessSettings, ports: AccessPorts): Access {
  const { mode, htpasswdFile } = settings.access;
  const connections = createConnectionReader(settings.trustedProxies);
  const challenges = createChallenges((request) => connections.read(request), settings.allowPlaintext);
  const passwords = mode === "basic" ? new Passwords(htpasswdFile ?? "", ports) : undefined;
  const tokens = new Tokens(ports.now);
  const authenticator = new Authenticator({ challenges, tokens, passwords });
  const tokenService = new TokenService({ authenticator, challenges, tokens, now: ports.now });
  const rulesOf = ({ access }: AccessSettings): ReturnType<typeof createRuleBook> =>
    mode === "basic" ? createRuleBook(access.rules) : () => true;
  let mayPull = rulesOf(settings);
  let policy = createPolicy(settings);
  const verdicts = new Verdicts({ ...ports, verdictForMs: settings.access.verdictForMs });
  const expectsCredentials = mode !== "open" || ports.hasPushes;

  const view = async (request: IncomingMessage, principal: Principal, target: AccessTarget): Promise<Viewer> => {
    const startedAt = performance.now();
    const verdict = await verdicts
      .of(principal, target)
      .catch((error: unknown) => {
        throw undecidedError(error);
      })
      .finally(() => (target.trace.upstreamMs += performance.now() - startedAt));
    if (verdict.kind === "absent") throw absenceError(target);
    if (verdict.kind === "granted") return { id: principal.id, upstream: verdicts.viewOf(principal, target.upstream) };
    const words = `${target.upstream} refuses this ${principal === anonymous ? "without credentials" : "to these credentials"}`;
    throw challenges.unauthorized(request, words, {
      error: principal === anonymous ? undefined : "insufficient_scope",
      detail: refusalDetail(verdict.error),
      cause: verdict.error,
    });
  };

  return {
    addressOf: (request) => connections.read(request).address,
    isProxy: (address) => connections.isProxy(address),
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
    async authorize(request, principal, target) {
      const { upstream, repository, what } = target;
      policy.refuseRepository(upstream, repository);
      const digest = digestOfAsked(what);
      if (digest) policy.refuseDigest(digest);
      if (mode === "upstream") return view(request, principal, target);
      if (mayPull(principal, `${upstream}/${repository}`)) return undefined;
      if (principal === anonymous) throw challenges.unauthorized(request, "credentials are needed");
      throw new RegistryError("NAME_UNKNOWN", `${upstream}/${repository} is not for this user`, {
        detail: { upstream, repository, policy: "access.rules" },
      });
    },
    apply(next) {
      mayPull = rulesOf(next);
      policy = createPolicy(next);
    },
    pushed: (upstream, repository) => verdicts.pushed(upstream, repository),
    refuseRepository: (upstream, repository) => policy.refuseRepository(upstream, repository),
    refuseDigest: (digest) => policy.refuseDigest(digest),
    isDenied: (digest) => policy.isDenied(digest),
    answerToken: (request) => tokenService.answer(request),
    close: async () => passwords?.close(),
  };
}
