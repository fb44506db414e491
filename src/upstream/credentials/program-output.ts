import type { Credentials } from "../settings.ts";
import { CredentialFault } from "./credential-fault.ts";

export interface Printed {
  credentials: Credentials;
  /** Wall clock, in ms; undefined where it was not said. */
  expiresAt: number | undefined;
}

/** What `docker-credential-… get` prints (docker/docker-credential-helpers): `<token>` as the user means an OAuth2 refresh token. */
export function parseHelperOutput(text: string, program: string): Printed {
  const document = parseObject(text, program);
  const username = textOf(document, "Username");
  const secret = textOf(document, "Secret");
  if (username === undefined || secret === undefined) {
    throw new CredentialFault(`${program} printed no Username and Secret`);
  }
  const credentials: Credentials =
    username === "<token>" ? { kind: "refresh", token: secret } : { kind: "basic", username, password: secret };
  return { credentials, expiresAt: undefined };
}

/**
 * What a `command` prints: JSON with `username` and `password` or with `token`, and maybe `expiresAt` in RFC 3339; where the
 * user is configured, nothing but the password.
 */
export function parseCommandOutput(text: string, program: string, username: string | undefined): Printed {
  if (username !== undefined) {
    const password = text.trim();
    if (password === "" || password.includes("\n")) {
      throw new CredentialFault(`${program} did not print one line with a password`);
    }
    return { credentials: { kind: "basic", username, password }, expiresAt: undefined };
  }
  const document = parseObject(text, program);
  const expiresAt = readExpiry(document["expiresAt"], program);
  const token = textOf(document, "token");
  if (token !== undefined) return { credentials: { kind: "bearer", token: checkToken(token, program) }, expiresAt };
  const name = textOf(document, "username");
  const password = textOf(document, "password");
  if (name === undefined || password === undefined) {
    throw new CredentialFault(`${program} printed neither a token nor a username with a password`);
  }
  return { credentials: { kind: "basic", username: name, password }, expiresAt };
}

/** A bearer token as it may stand in a header. @throws CredentialFault */
export function checkToken(token: string, place: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new CredentialFault(`${place} holds no token: a token is visible ASCII without spaces`);
}

function parseObject(text: string, program: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new CredentialFault(`${program} did not print JSON`);
  }
  if (typeof document === "object" && document !== null) return document as Record<string, unknown>;
  throw new CredentialFault(`${program} did not print a JSON object`);
}

function textOf(document: Record<string, unknown>, name: string): string | undefined {
  const value = document[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readExpiry(value: unknown, program: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new CredentialFault(`${program} printed an expiresAt that is no time in RFC 3339`);
}
