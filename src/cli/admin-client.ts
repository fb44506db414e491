import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { CliError, exitCodes, type ExitCode } from "./exit-codes.ts";
import type { Instance } from "./instance.ts";

const timeoutMs = 10_000;

export interface AdminRequest<T extends object> {
  method?: "GET" | "POST" | "DELETE";
  /** Under `/api/v1`: `/stats`. */
  path: string;
  query?: Record<string, string>;
  body?: object;
  /** What an answer must have to be taken for one. */
  members: readonly (keyof T & string)[];
  /** What a 422 means; by default wrong usage. */
  unprocessable?: ExitCode;
  /** How long the answer may take; 10 s by default. */
  timeoutMs?: number;
}

interface Answer {
  status: number;
  contentType: string;
  /** The Date field, where it was sent. */
  date: string | undefined;
  body: string;
}

/**
 * Asks the admin API of a running instance; resolves to the JSON object that it answers.
 * @throws CliError 69 where it cannot be reached or is something else, 77 where it refuses, 1 where it fails or has not
 * what is asked for, 2 where it cannot read what is asked.
 */
export async function request<T extends object>(instance: Instance, asked: AdminRequest<T>): Promise<T> {
  const answer = await ask(instance, asked);
  const { status } = answer;
  if (status === 401 || status === 403) throw refused(instance);
  const detail = detailOf(answer);
  // Its own failure has no words for people; that of an upstream, or of a limit, has.
  if (status >= 500 && (detail === undefined || status === 500)) {
    throw new CliError(exitCodes.failed, `${instance.name} failed to answer (${status}): see its log`);
  }
  if (detail !== undefined)
    throw new CliError(status === 422 ? (asked.unprocessable ?? exitCodeOf(status)) : exitCodeOf(status), detail);
  const document = status >= 200 && status < 300 ? parseObject(answer.body) : undefined;
  if (document && asked.members.every((name) => name in document)) return document as T;
  throw new CliError(
    exitCodes.notReachable,
    `${instance.name} answers, but not as the admin API of entrepot (status ${status}): is it the admin listener, not the registry's?`,
  );
}

/** What the admin listener answers to a GET, whatever it is: `/metrics`, `/readyz`. @throws CliError 69 */
export async function readText(instance: Instance, path: string): Promise<Answer> {
  return ask(instance, { path, members: [] }, path);
}

/** What is refused because of how things are is not what was asked for wrongly. */
function exitCodeOf(status: number): ExitCode {
  if (status === 404 || status >= 500) return exitCodes.failed;
  return status === 409 ? exitCodes.refused : exitCodes.wrongUsage;
}

function refused(instance: Instance): CliError {
  const tried = instance.token === undefined ? "no token could be read from" : "it does not accept the token of";
  return new CliError(
    exitCodes.refused,
    `${instance.name} asks for the admin token, and ${tried} ${instance.tokenFile}: give --token-file FILE`,
  );
}

async function ask<T extends object>(
  instance: Instance,
  asked: AdminRequest<T>,
  path = `/api/v1${asked.path}`,
): Promise<Answer> {
  const limitMs = asked.timeoutMs ?? timeoutMs;
  try {
    const response = await open(instance, { ...asked, path }, AbortSignal.timeout(limitMs));
    const { "content-type": contentType = "", date } = response.headers;
    return { status: response.statusCode ?? 0, contentType, date, body: await text(response) };
  } catch (error) {
    throw unreachable(instance, reasonOf(error, limitMs), error);
  }
}

function unreachable({ name }: Instance, reason: string, cause: unknown): CliError {
  const words = `no instance answers at ${name} (${reason}): start it with \`entrepot serve\`, or say where it is with --admin URL or ENTREPOT_ADMIN_URL`;
  return new CliError(exitCodes.notReachable, words, cause);
}

/**
 * The event stream, its header read and found right; undefined where the instance has none, or none to spare.
 * @throws CliError 69 where it cannot be reached, 77 where it refuses; the reason of `signal`
 */
export async function openEvents(
  instance: Instance,
  { query, signal }: { query: Record<string, string>; signal: AbortSignal },
): Promise<IncomingMessage | undefined> {
  const asked = { path: "/api/v1/events", query, members: [] };
  // No limit on the whole of it: it goes on for ever.
  const response = await open(instance, asked, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw unreachable(instance, reasonOf(error, 0), error);
  });
  const { statusCode, headers } = response;
  if (statusCode === 200 && headers["content-type"]?.startsWith("text/event-stream")) return response;
  response.resume();
  if (statusCode === 401 || statusCode === 403) throw refused(instance);
  return undefined;
}

function open<T extends object>(
  { url, socketPath, token, peer }: Instance,
  { method = "GET", path, query, body }: AdminRequest<T>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const options = {
    method,
    headers: {
      accept: "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(payload && { "content-type": "application/json", "content-length": payload.length }),
    },
    signal,
    ...(socketPath !== undefined && { socketPath }),
    ...peer,
  };
  const target = new URL(path, url);
  target.search = new URLSearchParams(query).toString();
  return new Promise((resolve, reject) => {
    send(target, options, resolve).on("error", reject).end(payload);
  });
}

function reasonOf(error: unknown, limitMs: number): string {
  if (!(error instanceof Error)) return "unknown reason";
  if (error.name === "AbortError") return `no answer within ${limitMs / 1000} s`;
  return "code" in error ? String(error.code) : error.name;
}

/** What a problem (RFC 9457) says to the person; undefined for any other answer. */
function detailOf({ contentType, body }: Answer): string | undefined {
  if (!contentType.startsWith("application/problem+json")) return undefined;
  const problem = parseObject(body);
  return problem && "detail" in problem && typeof problem.detail === "string" ? problem.detail : undefined;
}

function parseObject(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
