import { discard, readBody, retryAfterOf } from "../answer.ts";
import { ForbiddenAddress } from "../connection/connector.ts";
import { CredentialRefused, UpstreamError, type UpstreamErrorKind } from "../errors.ts";
import { bodyError, canRetryStatus } from "../connection/failure.ts";
import type { UpstreamLimits } from "../settings.ts";
import type { Token, TokenRequest } from "./token-store.ts";
import type { Reply, Transport } from "../connection/transport.ts";

export interface TokenRequestContext {
  upstream: string;
  transport: Transport;
  limits: UpstreamLimits;
  /** Ends the request when the room closes; no single waiter can. */
  closing: AbortSignal;
  onOutcome: (status: number | undefined) => void;
}

const maxTokenBytes = 1024 * 1024;
const defaultExpiresIn = 60;

/**
 * Asks a token service for a token: with a password as Basic, with a refresh token as OAuth2 has it, or anonymously
 * (distribution's token specification, "Token Authentication" and "OAuth2 Token Authentication").
 * Redirects are not followed: a token service has no reason to, and the credential would be at stake.
 * @throws CredentialRefused where the service refuses, else an UpstreamError that says what kept it from answering.
 */
export async function requestToken(request: TokenRequest, context: TokenRequestContext): Promise<Token> {
  const { limits, upstream } = context;
  const timeout = AbortSignal.timeout(limits.connectTimeoutMs + limits.headerTimeoutMs + limits.idleTimeoutMs);
  const { host } = request.realm;
  try {
    const reply = await send(request, context, AbortSignal.any([timeout, context.closing]));
    if (reply.status !== 200) {
      discard(reply);
      throw refusalOf(reply, host, upstream);
    }
    return parseToken(await readBody(reply.body, maxTokenBytes), host, upstream);
  } catch (error) {
    if (error instanceof ForbiddenAddress) {
      throw new UpstreamError("unauthorized", `the token service ${host} is refused: ${error.message}`, { upstream });
    }
    if (timeout.aborted && error === timeout.reason) {
      throw new UpstreamError("timeout", `the token service ${host} did not answer in time`, { upstream });
    }
    throw bodyError(error, upstream, `the token service ${host}`);
  }
}

function send(request: TokenRequest, context: TokenRequestContext, signal: AbortSignal): Promise<Reply> {
  const { realm, credentials } = request;
  const wire = credentials?.kind === "refresh" ? askWithRefresh(request, credentials.token) : askWithGet(request);
  return context.transport.send({
    ...wire,
    credentialId: request.credentialId,
    isGuarded: request.isGuarded,
    peer: `the token service ${realm.host}`,
    signal,
    errand: { repository: request.scope ?? "", lane: "control", counted: "tokens" },
    onOutcome: context.onOutcome,
  });
}

function askWithGet({ realm, service, scope, credentials }: TokenRequest) {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const part of scope?.split(" ") ?? []) url.searchParams.append("scope", part);
  const headers: Record<string, string> = { accept: "application/json" };
  if (credentials?.kind === "basic") headers["authorization"] = formatBasic(credentials);
  return { method: "GET" as const, url, headers };
}

/** RFC 6749 section 6. */
function askWithRefresh({ realm, service, scope }: TokenRequest, token: string) {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token, client_id: "entrepot" });
  if (service !== undefined) form.set("service", service);
  if (scope !== undefined) form.set("scope", scope);
  const headers = { accept: "application/json", "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST" as const, url: new URL(realm), headers, body: form.toString() };
}

/** The Basic scheme in UTF-8 (RFC 7617). */
export function formatBasic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

/** Whether a token can stand in a header; anything else would be a way to write further headers. */
function isHeaderToken(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}

function refusalOf(reply: Reply, host: string, upstream: string): UpstreamError {
  const { status } = reply;
  const message = `the token service ${host} answered ${status}`;
  if (status === 401 || status === 403) return new CredentialRefused("unauthorized", message, { upstream, status });
  const kind: UpstreamErrorKind = status === 429 ? "rate-limited" : "bad-response";
  const retryAfter = status === 429 || status === 503 ? retryAfterOf(reply.headers) : undefined;
  const canRetry = canRetryStatus(status, retryAfter);
  return new UpstreamError(kind, message, { upstream, status, retryAfter, canRetry });
}

function parseToken(bytes: Buffer | undefined, host: string, upstream: string): Token {
  let document: Record<string, unknown> | null = null;
  try {
    document = JSON.parse(bytes?.toString("utf8") ?? "") as Record<string, unknown> | null;
  } catch {
    // Not JSON: refused below, without its text.
  }
  const token = [document?.["token"], document?.["access_token"]].find(
    (value) => typeof value === "string" && isHeaderToken(value),
  );
  if (typeof token !== "string") {
    throw new UpstreamError("bad-response", `the token service ${host} answered without a token`, { upstream });
  }
  const expiresIn = document?.["expires_in"];
  const isLifetime = typeof expiresIn === "number" && Number.isFinite(expiresIn) && expiresIn > 0;
  return { token, expiresIn: isLifetime ? expiresIn : defaultExpiresIn };
}
