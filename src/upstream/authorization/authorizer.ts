import { pullScope } from "./pull-scope.ts";
import type { RepositoryName } from "../../oci/index.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { UpstreamError } from "../errors.ts";
import { chooseChallenge, judgeRealm } from "./realm.ts";
import type { Credential } from "../credentials/credential-source.ts";
import { formatBasic } from "./token-request.ts";
import type { TokenRequest, TokenStore } from "./token-store.ts";

/** An Authorization header for one endpoint, and what is known about it. */
export interface Authorization {
  header: string;
  /** The token in it, where a token service gave it: then that service accepted our credential, or our having none. */
  token: string | undefined;
  /** Whether another attempt with a new token is pointless. */
  isFinal: boolean;
}

/** Who asks for what. */
export interface Asker {
  repository: RepositoryName;
  credential: Credential;
}

/** Answers the challenges of one endpoint, and remembers them per repository; whoever asks is challenged alike. */
export interface Authorizer {
  /** What to send with the first request of a repository; may ask for a token. */
  known(asker: Asker, signal: AbortSignal): Promise<Authorization | undefined>;
  /** What to send after a 401, or undefined where nothing more can be tried. @throws UpstreamError */
  answer(
    asker: Asker,
    challenges: readonly string[],
    failed: Authorization | undefined,
    signal: AbortSignal,
  ): Promise<Authorization | undefined>;
}

interface AuthorizerOptions {
  upstream: string;
  endpoint: URL;
  /** The repository as the endpoint knows it below its URL. */
  nameAt: (repository: RepositoryName) => string;
  tokenHosts: readonly string[];
  isPrivateAllowed: boolean;
  tokens: TokenStore;
}

type TokenPlace = Omit<TokenRequest, "credentials" | "credentialId">;
type Remembered = { kind: "basic" } | { kind: "bearer"; place: TokenPlace };

const maxRemembered = 10_000;

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const remembered = new Map<RepositoryName, Remembered>();

  const remember = (repository: RepositoryName, scheme: Remembered): void => {
    remembered.delete(repository);
    remembered.set(repository, scheme);
    if (remembered.size > maxRemembered) remembered.delete(remembered.keys().next().value ?? repository);
  };

  const authorize = async (
    scheme: Remembered,
    { id, credentials }: Credential,
    failed: Authorization | undefined,
    signal: AbortSignal,
  ): Promise<Authorization | undefined> => {
    if (scheme.kind === "basic") {
      if (credentials?.kind !== "basic") return undefined;
      return { header: formatBasic(credentials), token: undefined, isFinal: true };
    }
    const request = { ...scheme.place, credentials, credentialId: id };
    const { token, isFresh } = await options.tokens.get(request, failed?.token, signal);
    return { header: `Bearer ${token}`, token, isFinal: isFresh || failed !== undefined };
  };

  return {
    async known({ repository, credential }, signal) {
      const { credentials } = credential;
      if (credentials?.kind === "bearer") {
        return { header: `Bearer ${credentials.token}`, token: undefined, isFinal: true };
      }
      const scheme = remembered.get(repository);
      return scheme && (await authorize(scheme, credential, undefined, signal));
    },
    async answer({ repository, credential }, values, failed, signal) {
      remembered.delete(repository);
      const challenge = failed?.isFinal === true ? undefined : chooseChallenge(parseChallenges(values));
      if (!challenge) return undefined;
      const scheme = readScheme(challenge, repository, options);
      const authorization = await authorize(scheme, credential, failed, signal);
      if (authorization) remember(repository, scheme);
      return authorization;
    },
  };
}

function readScheme(challenge: Challenge, repository: RepositoryName, options: AuthorizerOptions): Remembered {
  if (challenge.scheme === "basic") return { kind: "basic" };
  const { parameters } = challenge;
  const verdict = judgeRealm(parameters.get("realm"), options.endpoint, options);
  if (!verdict.isAllowed) {
    const message = `${options.endpoint.host} asks for a token, but ${verdict.reason}`;
    throw new UpstreamError("unauthorized", message, { upstream: options.upstream, status: 401 });
  }
  return {
    kind: "bearer",
    place: {
      realm: verdict.url,
      service: parameters.get("service"),
      scope: pullScope(parameters.get("scope"), namesOf(repository, options)),
      isGuarded: verdict.isGuarded,
    },
  };
}

/** The registry may know the repository under the path of the endpoint's URL, as a project of Harbor. */
function namesOf(repository: RepositoryName, { endpoint, nameAt }: AuthorizerOptions): string[] {
  const prefix = endpoint.pathname.replace(/^\/|\/$/g, "");
  const name = nameAt(repository);
  return [...new Set([name, repository, ...(prefix === "" ? [] : [`${prefix}/${name}`])])];
}
