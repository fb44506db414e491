import { abandon, isHtml, readBody, retryAfterOf, type Answer, type HeardAnswer } from "../answer.ts";
import { ForbiddenAddress } from "./connector.ts";
import { UpstreamError, type Told, type UpstreamErrorKind } from "../errors.ts";
import { kindOfTold, readTold } from "../told.ts";

const timeouts: unknown[] = [
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "ETIMEDOUT",
  "ESOCKETTIMEDOUT",
];

/** No connection came about, whatever was to be asked on it. */
const connectionCodes: unknown[] = [
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "ETIMEDOUT",
];

/** Node's codes for certificates that are not trusted, out of date or another host's, and for failed TLS handshakes. */
const tlsPattern = /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;

const protocolCodes: unknown[] = ["UND_ERR_HEADERS_OVERFLOW", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"];

/** The code of a system, TLS or undici error; undici's and Node's messages may quote what was received, codes do not. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as Error & { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

const words = {
  timeout: "did not answer in time",
  "bad-response": "does not speak proper HTTP",
  unreachable: "cannot be reached",
};

/** An error of the connection or of the protocol as an UpstreamError; `host` is the host that was talked to. */
export function transportError(error: unknown, upstream: string, host: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const kind = transportKind(error);
  return new UpstreamError(kind, `${host} ${words[kind]}${inBrackets(error)}`, { upstream, canRetry: canRetry(error) });
}

/** What an error of the connection says of the host; undefined where it is neither down nor silent. */
export function failingOf(error: unknown): "connection" | "exchange" | undefined {
  if (error instanceof ForbiddenAddress || transportKind(error) === "bad-response") return undefined;
  const code = codeOf(error) ?? "";
  return connectionCodes.includes(code) || tlsPattern.test(code) ? "connection" : "exchange";
}

/** A time-out has cost too much already to be waited for once more, except that of connecting; a certificate stays as it is. */
function canRetry(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  if (transportKind(error) === "timeout") return connectionCodes.includes(code);
  return transportKind(error) === "unreachable" && !tlsPattern.test(code);
}

/** An error that came while a body was read: what is missing of it can be asked for again. */
export function bodyError(error: unknown, upstream: string, host: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const kind = transportKind(error) === "timeout" ? "timeout" : "unreachable";
  const what = kind === "timeout" ? "stopped in the middle of its answer" : "broke off its answer";
  const options = { upstream, canRetry: kind === "unreachable" };
  return new UpstreamError(kind, `${host} ${what}${inBrackets(error)}`, options);
}

function inBrackets(error: unknown): string {
  const code = codeOf(error);
  return code === undefined ? "" : ` (${code})`;
}

function transportKind(error: unknown): keyof typeof words {
  const code = codeOf(error);
  if (timeouts.includes(code)) return "timeout";
  // undici's parser errors do not always carry a code.
  const isProtocol = error instanceof Error && error.name === "HTTPParserError";
  return isProtocol || protocolCodes.includes(code) ? "bad-response" : "unreachable";
}

/** Whether `error` means that a connection died, rather than that the answer was wrong or late. */
export function isReset(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"].includes(codeOf(error) ?? "");
}

export interface StatusContext {
  upstream: string;
  /** Host of the endpoint, for the message. */
  host: string;
  /** What was asked for, in the grammar of the specification: `manifest of library/alpine`. */
  subject: string;
  isOrigin: boolean;
  /** Whether our credentials, or our having none, are known to be accepted by this upstream. */
  areCredentialsTrusted: boolean;
}

const maxErrorBytes = 64 * 1024;

/** The error that an answer stands for which is neither what was asked nor an absence. Uses up the body. */
export async function statusError(answer: HeardAnswer, context: StatusContext): Promise<UpstreamError> {
  const { status } = answer;
  const told = await readTold(answer);
  if (told) return toldError(answer, told, context);
  const codes = await errorCodesOf(answer);
  const kind = statusKind(answer, codes);
  const isRefusal =
    (kind === "unauthorized" || kind === "denied") &&
    context.isOrigin &&
    context.areCredentialsTrusted &&
    (codes.length > 0 || answer.headers.has("www-authenticate"));
  const retryAfter = status === 429 || status === 503 ? retryAfterOf(answer.headers) : undefined;
  const where = answer.isElsewhere ? `${answer.url.host}, to which ${context.host} redirected,` : context.host;
  return new UpstreamError(kind, `${where} answered ${describe(answer)} for the ${context.subject}`, {
    upstream: context.upstream,
    status,
    retryAfter,
    isRefusal,
    // A signed address may have expired on the way; the registry has a new one.
    canRetry: canRetryStatus(status, retryAfter) || (answer.isElsewhere && status === 403),
  });
}

/**
 * What a parent hands down. It has tried as often as that helps: asked again it would only ask again, unless it says when. That it withholds
 * a repository is a refusal; whether to believe the registry's it has decided itself, but not for what is stored here.
 */
function toldError(answer: Answer, told: Told, context: StatusContext): UpstreamError {
  const { status, headers } = answer;
  const retryAfter = retryAfterOf(headers);
  const said = told.message === undefined ? "" : `: ${told.message}`;
  return new UpstreamError(kindOfTold(told), `${context.host} answered ${status} for the ${context.subject}${said}`, {
    upstream: context.upstream,
    ...{ status, retryAfter, told },
    isRefusal: told.code === "NAME_UNKNOWN" || (told.code === "DENIED" && context.areCredentialsTrusted),
    canRetry: status >= 500 && retryAfter !== undefined,
  });
}

/** A server's failure may pass; a limit ends when it was said to. */
export function canRetryStatus(status: number, retryAfter: number | undefined): boolean {
  return status === 429 ? retryAfter !== undefined : status >= 500 && status !== 501;
}

function statusKind(answer: Answer, codes: readonly string[]): UpstreamErrorKind {
  const { status } = answer;
  if (status === 429) return "rate-limited";
  if (answer.isElsewhere) return "bad-response";
  if (status === 403 || (status === 401 && codes.includes("DENIED"))) return "denied";
  return status === 401 ? "unauthorized" : "bad-response";
}

function describe(answer: Answer): string {
  return isHtml(answer.headers) ? `${answer.status} with a web page` : `${answer.status}`;
}

/** The codes of a registry's error body (distribution-spec, "Error Codes"); none where the body is something else. */
async function errorCodesOf(answer: Answer): Promise<string[]> {
  if (answer.status !== 401 && answer.status !== 403) {
    abandon(answer);
    return [];
  }
  const bytes = await readBody(answer.body, maxErrorBytes).catch(() => undefined);
  let document: unknown;
  try {
    document = JSON.parse(bytes?.toString("utf8") ?? "");
  } catch {
    return [];
  }
  const errors: unknown = (document as { errors?: unknown } | null)?.errors;
  if (!Array.isArray(errors)) return [];
  return errors
    .map((error: unknown) => (error as { code?: unknown } | null)?.code)
    .filter((code) => typeof code === "string");
}
