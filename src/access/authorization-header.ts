import type { ClientCredentials } from "./principal.ts";

/** What the Authorization field of a request holds (RFC 9110 section 11.6.2). */
export type SentAuthorization =
  | { kind: "none" }
  | { kind: "basic"; credentials: ClientCredentials }
  | { kind: "bearer"; token: string }
  | { kind: "unreadable" };

export function parseAuthorization(value: string | undefined): SentAuthorization {
  if (value === undefined) return { kind: "none" };
  const [, scheme = "", rest = ""] = /^([A-Za-z]+) +([\w.~+/=-]+) *$/.exec(value) ?? [];
  if (scheme.toLowerCase() === "bearer") return { kind: "bearer", token: rest };
  const credentials = scheme.toLowerCase() === "basic" ? parseBasic(rest) : undefined;
  return credentials ? { kind: "basic", credentials } : { kind: "unreadable" };
}

/** RFC 7617: the first colon ends the name. Some clients send an empty pair where they have no credentials. */
function parseBasic(encoded: string): ClientCredentials | undefined {
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 1 ? undefined : { kind: "basic", username: text.slice(0, colon), password: text.slice(colon + 1) };
}
