import { onTestFinished } from "vitest";

import { pseudonymOf } from "../../../src/chain/index.ts";
import { parseRepositoryName, parseTag, type Reference, type RepositoryName } from "../../../src/oci/index.ts";
import {
  createPushGate,
  createUpstream,
  UpstreamError,
  type PushGate,
  type CredentialOrigin,
  type CredentialSettings,
  type ConfiguredUpstream,
  type UpstreamObserver,
  type UpstreamSettings,
} from "../../../src/upstream/index.ts";

/** What an upstream client reported, in words. */
export interface Reports {
  requests: string[];
  tokens: (number | undefined)[];
  retries: number;
  resumes: number;
  bytes: number;
  /** Why credentials do not work. */
  broken: string[];
  /** `host open`, `host closed` */
  breakers: string[];
  /** GETs of manifests that the origin has answered. */
  pulls: number;
  /** What was told of the quota, in order. */
  quota: string[];
}

/** How the client calls itself towards caches. */
export const pseudonym = pseudonymOf("0123456789abcdef");

type Overrides = Partial<Omit<UpstreamSettings, "limits" | "endpoints">> & {
  limits?: Partial<UpstreamSettings["limits"]>;
  /** Of the first endpoint: one for all repositories, or a list. */
  credentials?: CredentialOrigin | CredentialSettings[];
  now?: () => number;
  /** Waits between attempts as in production. */
  isPatient?: boolean;
};

interface Connection {
  upstream: ConfiguredUpstream;
  reports: Reports;
  /** The waits that were not waited; the client's clock has gone on all the same. */
  delays: number[];
  now: () => number;
  /** Lets so many milliseconds of the client's clock go by. */
  skip: (milliseconds: number) => void;
}

/** A client of the registries at `urls`, origin first, closed after the test; it does not wait between attempts. */
export function connect(
  urls: string | (string | { url: string; parent: NonNullable<UpstreamSettings["endpoints"][number]["parent"]> })[],
  { limits, credentials, isPatient = false, now, ...overrides }: Overrides = {},
): Connection {
  const reports = noReports();
  const delays: number[] = [];
  const settings: UpstreamSettings = {
    name: "registry.test",
    endpoints: [urls].flat().map((place, index) => ({
      ...(typeof place === "string" ? { url: place } : place),
      credentials: index === 0 ? entriesOf(credentials) : [],
    })),
    anonymousFallback: false,
    clientCertificate: undefined,
    tokenHosts: [],
    allowPrivateRedirects: true,
    proxy: undefined,
    ca: undefined,
    offline: false,
    concurrency: { control: 16, blobs: 16 },
    bandwidthBytesPerSecond: 0,
    breaker: { openForMs: 30_000 },
    quota: { keepBack: 0.1 },
    limits: { connectTimeoutMs: 1000, headerTimeoutMs: 1000, idleTimeoutMs: 1000, attempts: 4, ...limits },
    ...overrides,
  };
  let skippedMs = 0;
  const skip = (milliseconds: number): void => void (skippedMs += milliseconds);
  const delay = (milliseconds: number): Promise<void> => {
    delays.push(milliseconds);
    skip(milliseconds);
    return Promise.resolve();
  };
  const clock = now ?? ((): number => Date.now() + skippedMs);
  const upstream = createUpstream(settings, observe(reports), { now: clock, pseudonym, ...(!isPatient && { delay }) });
  onTestFinished(() => upstream.close());
  return { upstream, reports, delays, now: clock, skip };
}

/** What pushes to the registry at `url` need, closed after the test. */
export function openGate(
  url: string,
  overrides: Partial<Parameters<typeof createPushGate>[0]> = {},
): { gate: PushGate; reports: Reports } {
  const reports = noReports();
  const settings = {
    ...{ name: "registry.test", endpoints: [{ url }], tokenHosts: [], proxy: undefined, ca: undefined },
    quota: { keepBack: 0.1 },
    allowPrivateRedirects: true,
    limits: { connectTimeoutMs: 1000, headerTimeoutMs: 1000, idleTimeoutMs: 1000, attempts: 4 },
    ...overrides,
  };
  const gate = createPushGate(settings, observe(reports));
  onTestFinished(() => gate.close());
  return { gate, reports };
}

function entriesOf(credentials: Overrides["credentials"]): CredentialSettings[] {
  if (Array.isArray(credentials)) return credentials;
  return credentials ? [{ match: undefined, ...credentials }] : [];
}

function noReports(): Reports {
  return { requests: [], tokens: [], retries: 0, resumes: 0, bytes: 0, broken: [], breakers: [], pulls: 0, quota: [] };
}

function observe(reports: Reports): UpstreamObserver {
  return {
    request: (kind, status) => void reports.requests.push(`${kind} ${status ?? "none"}`),
    retry: () => void (reports.retries += 1),
    resume: () => void (reports.resumes += 1),
    token: (status) => void reports.tokens.push(status),
    credentialsBroken: (reason) => void reports.broken.push(reason),
    bytes: (count) => void (reports.bytes += count),
    breaker: (host, isOpen) => void reports.breakers.push(`${host} ${isOpen ? "open" : "closed"}`),
    pull: () => void (reports.pulls += 1),
    quotaCrossed: ({ isLow }) => void reports.quota.push(isLow ? "low" : "not low"),
  };
}

export function repositoryName(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new Error(`no repository name: ${text}`);
  return name;
}

export function tagged(text: string): Reference {
  const tag = parseTag(text);
  if (!tag) throw new Error(`no tag: ${text}`);
  return { kind: "tag", tag };
}

/** Options with a signal that nobody aborts. */
export function unhurried(): { signal: AbortSignal } {
  return { signal: new AbortController().signal };
}

export async function readAll(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}

/** The UpstreamError that `promise` rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof UpstreamError) return error;
  throw new Error("expected an UpstreamError", { cause: error });
}
