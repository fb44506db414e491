import type { RepositoryName } from "../../oci/index.ts";
import type { Authorization } from "../authorization/authorizer.ts";
import { parseChallenges } from "../authorization/challenge.ts";
import { chooseChallenge, judgeRealm } from "../authorization/realm.ts";
import { formatBasic } from "../authorization/token-request.ts";
import type { TokenRequest, TokenStore } from "../authorization/token-store.ts";
import type { Credential } from "../credentials/credential-source.ts";
import { UpstreamError } from "../errors.ts";

/** What a push wants to do in a repository (distribution, "Token Scope Documentation"). */
export type PushAction = "pull" | "push" | "delete";

export interface PushScope {
  repository: RepositoryName;
  actions: readonly PushAction[];
}

/** Whose push it is, and all the repositories that it touches: a mount has two. */
export interface Pusher {
  scopes: readonly PushScope[];
  /** The client's own; ours are never lent to a push. */
  credential: Pick<Credential, "id" | "credentials">;
}

/** Makes the Authorization of pushes at one registry. */
export interface PushAuthorizer {
  /** What to send with a request, before the registry has asked for anything: a body cannot be sent twice. @throws UpstreamError */
  authorization(pusher: Pusher, signal: AbortSignal): Promise<Authorization | undefined>;
  /** What to send after a 401, or undefined where nothing more can be tried. @throws UpstreamError */
  answer(
    pusher: Pusher,
    challenges: readonly string[],
    failed: Authorization | undefined,
    signal: AbortSignal,
  ): Promise<Authorization | undefined>;
}

interface Options {
  upstream: string;
  endpoint: URL;
  tokenHosts: readonly string[];
  isPrivateAllowed: boolean;
  tokens: TokenStore;
  /** The challenges of the registry's `/v2/`; none where it does not ask for credentials there. */
  ping: () => Promise<readonly string[]>;
}

type Scheme =
  { kind: "open" } | { kind: "basic" } | ({ kind: "bearer" } & Pick<TokenRequest, "realm" | "service" | "isGuarded">);

export function createPushAuthorizer(options: Options): PushAuthorizer {
  let learning: Promise<Scheme> | undefined;

  const learned = (): Promise<Scheme> => {
    learning ??= options.ping().then((challenges) => readScheme(challenges, options));
    const asked = learning;
    asked.catch(() => {
      if (learning === asked) learning = undefined;
    });
    return asked;
  };

  const authorize = async (
    scheme: Scheme,
    { scopes, credential: { id, credentials } }: Pusher,
    failed: Authorization | undefined,
    signal: AbortSignal,
  ): Promise<Authorization | undefined> => {
    if (scheme.kind === "open") return undefined;
    if (credentials?.kind === "bearer") return bearer(credentials.token, true);
    if (scheme.kind === "basic") {
      if (credentials?.kind !== "basic") return undefined;
      return { header: formatBasic(credentials), token: undefined, isFinal: true };
    }
    const { realm, service, isGuarded } = scheme;
    const wanted = { realm, service, isGuarded, scope: formatScopes(scopes), credentials, credentialId: id };
    const { token, isFresh } = await options.tokens.get(wanted, failed?.token, signal);
    return bearer(token, isFresh || failed !== undefined);
  };

  return {
    authorization: async (pusher, signal) => authorize(await learned(), pusher, undefined, signal),
    async answer(pusher, challenges, failed, signal) {
      if (failed?.isFinal === true) return undefined;
      const scheme = readScheme(challenges, options);
      if (scheme.kind === "open") return undefined;
      learning = Promise.resolve(scheme);
      return authorize(scheme, pusher, failed, signal);
    },
  };
}

function bearer(token: string, isFinal: boolean): Authorization {
  return { header: `Bearer ${token}`, token, isFinal };
}

/** The scopes in our own words: what a challenge names is not asked for, so that nobody can widen what we ask. */
function formatScopes(scopes: readonly PushScope[]): string {
  return scopes.map(({ repository, actions }) => `repository:${repository}:${actions.join(",")}`).join(" ");
}

/** @throws UpstreamError unauthorized for a realm that no credential may go to */
function readScheme(values: readonly string[], options: Options): Scheme {
  const challenge = chooseChallenge(parseChallenges(values));
  if (!challenge) return { kind: "open" };
  if (challenge.scheme === "basic") return { kind: "basic" };
  const { parameters } = challenge;
  const verdict = judgeRealm(parameters.get("realm"), options.endpoint, options);
  if (!verdict.isAllowed) {
    const message = `${options.endpoint.host} asks for a token, but ${verdict.reason}`;
    throw new UpstreamError("unauthorized", message, { upstream: options.upstream });
  }
  return { kind: "bearer", realm: verdict.url, service: parameters.get("service"), isGuarded: verdict.isGuarded };
}
