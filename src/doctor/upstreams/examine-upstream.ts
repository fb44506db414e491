import type { UpstreamEntry } from "../../config/index.ts";
import { formatImageName, type ImageName } from "../../oci/index.ts";
import {
  createExaminer,
  UpstreamError,
  type EndpointExaminer,
  type HeadAnswer,
  type PingAnswer,
} from "../../upstream/index.ts";
import { codeOf, findingsOf, type Finding, type Findings } from "../finding.ts";
import { examineConnection } from "./connection.ts";
import { proxyFor } from "./proxy.ts";
import { imageFor } from "./well-known.ts";

/** All that is asked of one endpoint. */
const timeoutMs = 20_000;

export interface UpstreamOptions {
  /** Nothing is to be asked of any upstream. */
  isOffline: boolean;
  /** Images to ask for, instead of the well-known ones. */
  images: readonly ImageName[];
  environment: NodeJS.ProcessEnv;
  now: () => number;
}

export interface EndpointExamination {
  findings: Finding[];
  /** How far its clock is ahead of ours, in ms; undefined where it did not tell. */
  aheadMs: number | undefined;
}

/** Each endpoint of the upstream, all at once, each in bounded time. */
export async function examineUpstream(entry: UpstreamEntry, options: UpstreamOptions): Promise<EndpointExamination[]> {
  const area = `upstream ${entry.name}`;
  if (options.isOffline || entry.offline) {
    const why = entry.offline ? "offline by configuration" : "--offline";
    return [{ findings: [findingsOf(area).skipped("all", `not asked: ${why}`)], aheadMs: undefined }];
  }
  return Promise.all(
    entry.endpoints.map(({ url }, index) => {
      const name = index === 0 ? area : `mirror ${new URL(url).host}`;
      return examineEndpoint(findingsOf(name), entry, index, options);
    }),
  );
}

async function examineEndpoint(
  area: Findings,
  entry: UpstreamEntry,
  index: number,
  options: UpstreamOptions,
): Promise<EndpointExamination> {
  const signal = AbortSignal.timeout(timeoutMs);
  const findings = [await connectionFinding(area, entry, index, options, signal)];
  if (findings.some(({ verdict }) => verdict === "failed")) return { findings, aheadMs: undefined };
  const examiner = createExaminer(entry, index, options.now);
  try {
    const ping = await attempt(examiner.ping(signal), options.now);
    findings.push("error" in ping ? errorFinding(area, "/v2/", ping.error) : pingFinding(area, ping.answer));
    if ("error" in ping) return { findings, aheadMs: undefined };
    const image = imageFor(entry.name, options.images);
    if (!image) return { findings: [...findings, withoutImage(area, entry.name)], aheadMs: ping.aheadMs };
    const head = await attempt(examiner.headManifest(image.repository, image.reference, signal), options.now);
    findings.push(...manifestFindings(area, entry, index, { head, image, examiner }), ...quotaFindings(area, examiner));
    return { findings, aheadMs: ping.aheadMs ?? ("error" in head ? undefined : head.aheadMs) };
  } finally {
    await examiner.close();
  }
}

type Attempt<T> = { answer: T; aheadMs: number | undefined } | { error: unknown };

async function attempt<T extends { date: number | undefined }>(
  asked: Promise<T>,
  now: () => number,
): Promise<Attempt<T>> {
  try {
    const askedAt = now();
    const answer = await asked;
    // The field has whole seconds: on average it is half a second behind.
    const aheadMs = answer.date === undefined ? undefined : answer.date + 500 - (askedAt + now()) / 2;
    return { answer, aheadMs };
  } catch (error) {
    return { error };
  }
}

function connectionFinding(
  area: Findings,
  entry: UpstreamEntry,
  index: number,
  { environment, now }: UpstreamOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const url = new URL(entry.endpoints[index]?.url ?? "");
  const proxy = proxyFor(url, entry.proxy, environment);
  const { hostname, port, protocol } = proxy ?? url;
  const isTls = protocol === "https:";
  const route = { host: hostname, port: Number(port === "" ? (isTls ? 443 : 80) : port), isTls, ca: entry.ca };
  const within = proxy ? viaProxy(area, proxy) : area;
  return examineConnection(within, route, { signal, now: now() });
}

/** Behind a proxy only the way to it can be seen; certificates are checked by the requests that follow. */
function viaProxy({ ok, warning, failed, skipped }: Findings, proxy: URL): Findings {
  const named = (check: string): string => `proxy ${proxy.host}: ${check}`;
  return {
    ok: (check, says) => ok(named(check), says),
    warning: (check, says, todo) => warning(named(check), says, todo),
    failed: (check, says, todo) => failed(named(check), says, todo),
    skipped: (check, says) => skipped(named(check), says),
  };
}

function pingFinding({ ok, warning }: Findings, { status, schemes, tokenHost }: PingAnswer): Finding {
  if (status === 200) return ok("/v2/", "answers without asking for credentials");
  if (status === 401 && schemes.includes("bearer")) return ok("/v2/", `asks for a token of ${tokenHost ?? "nobody"}`);
  if (status === 401 && schemes.includes("basic")) return ok("/v2/", "asks for a user name and a password");
  return warning("/v2/", `answered ${status}: is it a registry?`, "check endpoints in the configuration");
}

function withoutImage({ skipped }: Findings, upstream: string): Finding {
  return skipped("manifest", `no image is known to ask for: --image ${upstream}/REPOSITORY:TAG`);
}

interface Headed {
  head: Attempt<HeadAnswer>;
  image: ImageName;
  examiner: EndpointExaminer;
}

function manifestFindings(
  area: Findings,
  entry: UpstreamEntry,
  index: number,
  { head, image, examiner }: Headed,
): Finding[] {
  const faults = examiner.credentialFaults();
  const isConfigured = (entry.endpoints[index]?.credentials.length ?? 0) > 0;
  const broken = faults.map((fault) => area.failed("credentials", fault, "check them in the configuration"));
  if (broken.length > 0 && !entry.anonymousFallback) return broken;
  if ("error" in head) return [...broken, refusedOrFailed(area, head.error, image, isConfigured)];
  return [...broken, statusFinding(area, head.answer, image, isConfigured)];
}

function statusFinding(
  { ok, warning, failed }: Findings,
  { status, hasCredentials, digest }: HeadAnswer,
  image: ImageName,
  isConfigured: boolean,
): Finding {
  const name = formatImageName(image);
  const how = hasCredentials
    ? ", with the configured credentials"
    : isConfigured
      ? ", without credentials: none is for it"
      : "";
  if (status === 200) return ok("manifest", `${name} is ${digest?.slice(0, 19) ?? "there"}${how}`);
  if (status === 404) return ok("manifest", `reachable: it answers that ${name} is not there${how}`);
  if (status === 405 || status === 501) return ok("manifest", `reachable: it does not answer HEAD, GET will do${how}`);
  if (status === 401 || status === 403) {
    if (hasCredentials) {
      return failed("manifest", `answers ${status} for ${name}${how}`, "check that they may pull it");
    }
    return ok("manifest", `reachable: it answers ${status} for ${name}, which needs credentials`);
  }
  if (status === 429)
    return warning("manifest", `limits the rate of requests (429)${how}`, "configure credentials, or wait");
  return failed("manifest", `answers ${status} for ${name}${how}`);
}

/** A token service that gives nobody a token without credentials has answered as well as a registry that says 401. */
function refusedOrFailed(area: Findings, error: unknown, image: ImageName, isConfigured: boolean): Finding {
  const isRefusal = error instanceof UpstreamError && error.kind === "unauthorized" && error.status !== undefined;
  if (!isRefusal || isConfigured) return errorFinding(area, "manifest", error);
  return area.ok("manifest", `reachable: ${error.message} for ${formatImageName(image)}, which needs credentials`);
}

function quotaFindings({ ok, warning }: Findings, examiner: EndpointExaminer): Finding[] {
  const { limit, remaining, windowSeconds, isLow } = examiner.quota();
  if (limit === undefined || remaining === undefined) return [];
  const window = windowSeconds === undefined ? "" : ` in ${Math.round(windowSeconds / 3600)} h`;
  const says = `${remaining} of ${limit} pulls are left${window}`;
  return [isLow ? warning("quota", says, "configure credentials, or raise the account's plan") : ok("quota", says)];
}

function errorFinding({ failed }: Findings, check: string, error: unknown): Finding {
  if (error instanceof UpstreamError) return failed(check, error.message);
  const isOverdue = error instanceof Error && error.name === "TimeoutError";
  return failed(check, isOverdue ? `no answer within ${timeoutMs / 1000} s` : `failed (${codeOf(error)})`);
}
