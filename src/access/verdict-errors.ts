import { RegistryError } from "../oci/index.ts";
import { UpstreamError } from "../upstream/index.ts";
import type { AccessTarget } from "./target.ts";

/** What the upstream said to the client's own credential: the client may know that, and nothing of what is stored. */
export function refusalDetail(error: UpstreamError): Record<string, unknown> {
  const { upstream, kind, status, message } = error;
  return { upstream, reason: kind, said: message, ...(status !== undefined && { status }) };
}

export function absenceError({ upstream, repository, what }: AccessTarget): RegistryError {
  const codes = {
    manifest: "MANIFEST_UNKNOWN",
    referrers: "MANIFEST_UNKNOWN",
    blob: "BLOB_UNKNOWN",
    tags: "NAME_UNKNOWN",
  } as const;
  return new RegistryError(codes[what.kind], `${upstream} shows no such thing in ${repository} to these credentials`, {
    detail: { upstream, repository },
  });
}

/** Without an answer of the upstream nothing is served, cached or not. Anything but an UpstreamError is returned as it is. */
export function undecidedError(error: unknown): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const { upstream, kind, retryAfter } = error;
  const codes = { timeout: "UPSTREAM_TIMEOUT", "rate-limited": "TOOMANYREQUESTS" } as const;
  const code = kind === "timeout" || kind === "rate-limited" ? codes[kind] : "UNAVAILABLE";
  return new RegistryError(code, `${upstream} cannot say now whether these credentials may pull this`, {
    detail: refusalDetail(error),
    retryAfter: retryAfter ?? (kind === "rate-limited" ? 60 : undefined),
    cause: error,
  });
}
