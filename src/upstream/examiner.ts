import { formatReference, manifestMediaTypes, type Reference, type RepositoryName } from "../oci/index.ts";
import { discard, headerOf, type Answer } from "./answer.ts";
import { parseChallenges } from "./authorization/challenge.ts";
import { createPools } from "./connection/pools.ts";
import { createTransport } from "./connection/transport.ts";
import { createEndpoints, createSources } from "./create-upstream.ts";
import { UpstreamError } from "./errors.ts";
import { createQuotaLedger, withQuota } from "./quota-ledger.ts";
import type { Quota } from "./quota.ts";
import { sendFollowing } from "./redirect.ts";
import type { UpstreamObserver, UpstreamSettings } from "./settings.ts";

/** What an endpoint has answered. */
export interface ExaminedAnswer {
  status: number;
  /** What the endpoint's clock says, in ms since the epoch; undefined where it did not tell. */
  date: number | undefined;
}

export interface PingAnswer extends ExaminedAnswer {
  /** How it wants to be shown credentials, in lower case: `bearer`, `basic`. */
  schemes: string[];
  /** The host of its token service. */
  tokenHost: string | undefined;
}

export interface HeadAnswer extends ExaminedAnswer {
  /** Whether the configured credentials were used. */
  hasCredentials: boolean;
  digest: string | undefined;
}

/** Asks one endpoint, with its own credentials, proxy and certificates, what a doctor wants to know. Remembers no failures. */
export interface EndpointExaminer {
  /** GET `/v2/` without credentials. @throws UpstreamError */
  ping(signal: AbortSignal): Promise<PingAnswer>;
  /** HEAD of a manifest, with a token where it asks for one. @throws UpstreamError */
  headManifest(repository: RepositoryName, reference: Reference, signal: AbortSignal): Promise<HeadAnswer>;
  /** As far as the answers have told it; of a mirror nothing. */
  quota(): Quota;
  /** Why the configured credentials could not be had or were refused: names files and programs, and holds no secret. */
  credentialFaults(): string[];
  close(): Promise<void>;
}

/** @param index of the endpoint, as configured */
export function createExaminer(settings: UpstreamSettings, index: number, now: () => number): EndpointExaminer {
  const closing = new AbortController();
  const faults: string[] = [];
  const observer: UpstreamObserver = { ...silent, credentialsBroken: (reason) => void faults.push(reason) };
  const pools = createPools(settings);
  const upstream = settings.name;
  const transport = createTransport({ upstream, pools, closing: closing.signal, onRetry: () => undefined });
  const sources = createSources(settings, { observer, now, closing: closing.signal });
  const { keepBack } = settings.quota;
  const ledger = createQuotaLedger({ keepBack, now, onCounted: () => undefined, onCrossed: () => undefined });
  const parts = { settings, observer, transport, pseudonym: undefined, closing: closing.signal };
  const endpoints = createEndpoints(parts)((position) => sources[position]);
  const chosen = endpoints[index];
  if (!chosen) throw new Error("an endpoint that is not configured");
  const endpoint = withQuota(chosen, ledger);
  return {
    async ping(signal) {
      const first = {
        method: "GET" as const,
        url: new URL(`${endpoint.url.pathname.replace(/\/+$/, "")}/v2/`, endpoint.url.origin),
        headers: {},
        authorization: undefined,
        credentialId: "none",
        signal,
        errand: { repository: "", lane: "control" as const, counted: "lists" as const },
        onOutcome: () => undefined,
      };
      const { allowPrivateRedirects } = settings;
      const configuredOrigins = new Set(settings.endpoints.map(({ url }) => new URL(url).origin));
      return readPing(await sendFollowing(transport, first, { upstream, configuredOrigins, allowPrivateRedirects }));
    },
    async headManifest(repository, reference, signal) {
      const answer = await endpoint.ask(
        {
          kind: reference.kind === "tag" ? "manifest_tag" : "manifest_digest",
          method: "HEAD",
          repository,
          path: `manifests/${formatReference(reference)}`,
          headers: { accept: manifestMediaTypes.join(", ") },
          onward: {},
        },
        signal,
      );
      discard(answer);
      const digest = headerOf(answer.headers, "docker-content-digest");
      return { ...describe(answer), hasCredentials: answer.credential.credentials !== undefined, digest };
    },
    quota: () => ledger.read(),
    credentialFaults: () => [...new Set(faults)],
    async close() {
      closing.abort(new UpstreamError("unreachable", "the examination is over", { upstream }));
      await pools.close();
    },
  };
}

function readPing(answer: Answer): PingAnswer {
  discard(answer);
  const challenges = parseChallenges(answer.headers.get("www-authenticate") ?? []);
  const realm = challenges.find(({ scheme }) => scheme === "bearer")?.parameters.get("realm");
  const tokenHost = URL.parse(realm ?? "")?.host;
  return { ...describe(answer), schemes: challenges.map(({ scheme }) => scheme), tokenHost };
}

/** The clock of whoever answers behind a redirect is not the endpoint's. */
function describe({ status, headers, isElsewhere }: Answer): ExaminedAnswer {
  const date = Date.parse(headerOf(headers, "date") ?? "");
  return { status, date: isElsewhere || Number.isNaN(date) ? undefined : date };
}

const ignore = (): void => undefined;
const silent: UpstreamObserver = {
  request: ignore,
  retry: ignore,
  resume: ignore,
  token: ignore,
  credentialsBroken: ignore,
  bytes: ignore,
  breaker: ignore,
  pull: ignore,
  quotaCrossed: ignore,
};
