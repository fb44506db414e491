import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { Stats } from "../admin/index.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import type { Instance } from "./instance.ts";

const timeoutMs = 10_000;

/**
 * The statistics of a running instance.
 * @throws CliError 69 where it cannot be reached or is something else, 77 where it refuses, 1 where it fails.
 */
export async function fetchStats(instance: Instance): Promise<Stats> {
  const { status, body } = await get(instance, "/api/v1/stats");
  if (status === 401 || status === 403) throw refused(instance);
  if (status >= 500) throw new CliError(exitCodes.failed, `${instance.name} failed to answer (${status}): see its log`);
  const stats = status === 200 ? parseStats(body) : undefined;
  if (!stats) {
    throw new CliError(
      exitCodes.notReachable,
      `${instance.name} answers, but not as the admin API of entrepot (status ${status}): is it the admin listener, not the registry's?`,
    );
  }
  return stats;
}

function refused(instance: Instance): CliError {
  const tried = instance.token === undefined ? "no token could be read from" : "it does not accept the token of";
  return new CliError(
    exitCodes.refused,
    `${instance.name} asks for the admin token, and ${tried} ${instance.tokenFile}: give --token-file FILE`,
  );
}

async function get(instance: Instance, path: string): Promise<{ status: number; body: string }> {
  try {
    const response = await open(instance, path);
    return { status: response.statusCode ?? 0, body: await text(response) };
  } catch (error) {
    throw new CliError(
      exitCodes.notReachable,
      `no instance answers at ${instance.name} (${reasonOf(error)}): start it with \`entrepot serve\`, or say where it is with --admin URL or ENTREPOT_ADMIN_URL`,
      error,
    );
  }
}

function open({ url, socketPath, token }: Instance, path: string): Promise<IncomingMessage> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const options = {
    headers: { accept: "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    signal: AbortSignal.timeout(timeoutMs),
    ...(socketPath !== undefined && { socketPath }),
  };
  return new Promise((resolve, reject) => {
    send(new URL(path, url), options, resolve).on("error", reject).end();
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown reason";
  if (error.name === "AbortError") return `no answer within ${timeoutMs / 1000} s`;
  return "code" in error ? String(error.code) : error.name;
}

function parseStats(body: string): Stats | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isStats = typeof value === "object" && value !== null && "requests" in value && "store" in value;
    return isStats ? (value as Stats) : undefined;
  } catch {
    return undefined;
  }
}
