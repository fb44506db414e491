import type { ErrorCode } from "../oci/index.ts";
import { readBody, type HeardAnswer } from "./answer.ts";
import type { Told, UpstreamErrorKind } from "./errors.ts";

const maxErrorBytes = 64 * 1024;
const maxWords = 500;
const detailKeys = ["reason", "said", "policy", "registry", "cached"];

/** By status, what the codes on the wire stand for; other statuses are no errors that a cache of ours hands down. */
const codes: Partial<Record<number, Partial<Record<string, ErrorCode>>>> = {
  400: { NAME_INVALID: "NAME_INVALID", DIGEST_INVALID: "DIGEST_INVALID" },
  403: { DENIED: "DENIED" },
  404: { NAME_UNKNOWN: "NAME_UNKNOWN" },
  500: { UNKNOWN: "BAD_UPSTREAM" },
  502: { UNAVAILABLE: "BAD_UPSTREAM" },
  503: { UNAVAILABLE: "UNAVAILABLE", TOOMANYREQUESTS: "TOOMANYREQUESTS" },
  504: { UNAVAILABLE: "UPSTREAM_TIMEOUT" },
};

const kinds: Partial<Record<ErrorCode, UpstreamErrorKind>> = {
  TOOMANYREQUESTS: "rate-limited",
  UPSTREAM_TIMEOUT: "timeout",
  UNAVAILABLE: "unreachable",
  DENIED: "denied",
  NAME_UNKNOWN: "denied",
};

/** Whether what a parent answers 404 to is not absent: the parent does not know the registry, or does not give the repository out. */
export function isWithheld({ status, hops }: HeardAnswer): boolean {
  return status === 404 && hops?.detail === "NAME_UNKNOWN";
}

/** What a parent's error says; undefined where a registry answered, or a gateway in between. Uses up the body. */
export async function readTold(answer: HeardAnswer): Promise<Told | undefined> {
  const { hops } = answer;
  const code = hops?.detail === undefined ? undefined : codes[answer.status]?.[hops.detail];
  if (!hops || !code) return undefined;
  const bytes = await readBody(answer.body, maxErrorBytes).catch(() => undefined);
  const { message, detail = {} } = firstError(bytes);
  const words = (value: unknown): string | undefined => wordsOf(value, answer.repeats);
  const texts = detailKeys.flatMap((key) => {
    const text = words(detail[key]);
    return text === undefined ? [] : [[key, text] as const];
  });
  return { code, message: words(message), detail: Object.fromEntries(texts), hops: hops.text };
}

/** What went wrong there: a parent that could not be reached at all is another matter. */
export function kindOfTold({ code, detail }: Told): UpstreamErrorKind {
  const { reason } = detail;
  if (code === "BAD_UPSTREAM" && (reason === "unreachable" || reason === "timeout")) return reason;
  return kinds[code] ?? "bad-response";
}

function firstError(bytes: Buffer | undefined): { message?: unknown; detail?: Record<string, unknown> } {
  try {
    const { errors } = JSON.parse(bytes?.toString("utf8") ?? "") as { errors: unknown[] };
    const [error] = errors;
    const { message, detail } = error as { message?: unknown; detail?: unknown };
    return { message, ...(typeof detail === "object" && detail !== null && { detail: { ...detail } }) };
  } catch {
    return {};
  }
}

/** Text that may stand in a log line and in an answer. */
function wordsOf(value: unknown, repeats: HeardAnswer["repeats"]): string | undefined {
  if (typeof value !== "string" || value === "" || repeats(value)) return undefined;
  return value.slice(0, maxWords).replace(/\p{Cc}/gu, " ");
}
