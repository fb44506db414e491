import type { Agent } from "node:http";
import { discard } from "../answer.ts";
import { requestToken } from "../authorization/token-request.ts";
import { createTokenStore } from "../authorization/token-store.ts";
import { isRefusedHost } from "../connection/address.ts";
import { ForbiddenAddress } from "../connection/connector.ts";
import { transportError } from "../connection/failure.ts";
import { createPools } from "../connection/pools.ts";
import { createTransport } from "../connection/transport.ts";
import { anonymous } from "../credentials/credential-source.ts";
import { UpstreamError } from "../errors.ts";
import { redirectTarget } from "../redirect.ts";
import { indexOfOrigin } from "../parents.ts";
import type { EndpointSettings, UpstreamObserver, UpstreamSettings } from "../settings.ts";
import { createAgents } from "./agents.ts";
import { createPushAuthorizer, type PushAuthorizer } from "./push-authorizer.ts";

/** Where a request of a push goes, and how. */
export interface PushDestination {
  url: URL;
  /** Whether it is another origin than the registry's: no credential goes there. */
  isElsewhere: boolean;
  agent: Agent;
}

/**
 * What pushes need of an upstream: where it is, how to get there, what to show. They go to the origin alone, never to a
 * mirror or a parent, with a client's credentials and never with ours.
 */
export interface PushGate extends PushAuthorizer {
  readonly upstream: string;
  readonly limits: UpstreamSettings["limits"];
  /** @param path - Below `/v2/`, with its query. */
  home(path: string): PushDestination;
  /**
   * Where a Location or a redirect leads, by the rules of redirects: never from https to http, and on another origin
   * without credentials and to public addresses only, unless the configuration names it.
   * @throws UpstreamError bad-response where it may not be followed
   */
  follow(from: URL, location: string | undefined, status: number): PushDestination;
  /** One request of a push got an answer, or none (`status` undefined), after `seconds` until its header. */
  report(status: number | undefined, seconds: number): void;
  /** What went wrong with a connection, in words for a client. */
  failure(error: unknown, url: URL): UpstreamError;
  close(): Promise<void>;
}

/** Without what proves who we are: neither our credentials nor our certificate. */
type GateSettings = Pick<
  UpstreamSettings,
  "name" | "tokenHosts" | "allowPrivateRedirects" | "proxy" | "ca" | "limits"
> & {
  endpoints: readonly Pick<EndpointSettings, "url" | "parent">[];
};

export function createPushGate(settings: GateSettings, observer: UpstreamObserver): PushGate {
  const { name: upstream, limits, allowPrivateRedirects } = settings;
  const origin = settings.endpoints[indexOfOrigin(settings.endpoints)];
  const endpoint = new URL(origin?.url ?? "https://invalid");
  const base = endpoint.pathname.replace(/\/+$/, "");
  const configured = new Set(settings.endpoints.map(({ url }) => new URL(url).origin));
  const agents = createAgents(settings);
  const closing = new AbortController();
  const pools = createPools({ ...settings, clientCertificate: undefined });
  const authorizer = createAuthorizer(settings, { endpoint, base, observer, pools, closing: closing.signal });

  const destination = (url: URL): PushDestination => {
    const isElsewhere = url.origin !== endpoint.origin;
    const isGuarded = isElsewhere && !allowPrivateRedirects && !configured.has(url.origin);
    if (isGuarded && isRefusedHost(url.hostname)) throw forbidden(upstream, url, new ForbiddenAddress());
    return { url, isElsewhere, agent: agents.of(url, isGuarded) };
  };

  return {
    ...authorizer,
    upstream,
    limits,
    home: (path) => destination(new URL(`${endpoint.origin}${base}/v2/${path}`)),
    follow: (from, location, status) => destination(redirectTarget(from, location, upstream, status)),
    report: (status, seconds) => observer.request("other", status, seconds),
    failure: (error, url) =>
      error instanceof ForbiddenAddress ? forbidden(upstream, url, error) : transportError(error, upstream, url.host),
    async close() {
      closing.abort(new UpstreamError("unreachable", "the upstream client is closed", { upstream }));
      agents.close();
      await pools.close();
    },
  };
}

interface AuthorizerParts {
  endpoint: URL;
  base: string;
  observer: UpstreamObserver;
  pools: ReturnType<typeof createPools>;
  closing: AbortSignal;
}

function createAuthorizer(settings: GateSettings, parts: AuthorizerParts): PushAuthorizer {
  const { name: upstream, limits, tokenHosts, allowPrivateRedirects } = settings;
  const { endpoint, base, observer, pools, closing } = parts;
  const transport = createTransport({ upstream, pools, closing, onRetry: () => observer.retry() });
  const context = { upstream, transport, limits, closing, onOutcome: (status?: number) => observer.token(status) };
  const ping = async (): Promise<readonly string[]> => {
    const reply = await transport.send({
      method: "GET",
      url: new URL(`${endpoint.origin}${base}/v2/`),
      headers: { accept: "application/json" },
      credentialId: anonymous.id,
      isGuarded: false,
      signal: closing,
      errand: { repository: "", lane: "control", counted: "lists" },
      onOutcome: (status, seconds) => observer.request("ping", status, seconds),
    });
    discard(reply);
    return reply.status === 401 ? (reply.headers.get("www-authenticate") ?? []) : [];
  };
  return createPushAuthorizer({
    ...{ upstream, endpoint, tokenHosts, ping },
    isPrivateAllowed: allowPrivateRedirects,
    tokens: createTokenStore({ request: (wanted) => requestToken(wanted, context) }),
  });
}

function forbidden(upstream: string, url: URL, error: ForbiddenAddress): UpstreamError {
  return new UpstreamError("bad-response", `an upload at ${url.host} is refused: ${error.message}`, { upstream });
}
