import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { TLSSocket } from "node:tls";
import { codeOf } from "../finding.ts";
import { urlOf, type Address } from "./address.ts";

/** Who answers at an address that a client was told. */
export type Place =
  /** `isTrusted`: whether its certificate is trusted by the roots of this machine; true for plain http. */
  | { kind: "entrepot"; isTrusted: boolean }
  /** entrepot, but with the other of http and https. */
  | { kind: "other-scheme" }
  | { kind: "stranger"; says: string }
  | { kind: "nobody"; says: string };

export type Probe = (address: Address) => Promise<Place>;

const timeoutMs = 5000;
/** `.invalid` is nobody's (RFC 2606): entrepot refuses it by itself, and no upstream is asked. */
const unknownRegistry = "doctor.invalid";

/** Asks what only entrepot answers like that: for a registry that nobody can have configured. */
export const probe: Probe = async (address) => {
  try {
    return await ask(address);
  } catch (error) {
    const other: Address = { ...address, scheme: address.scheme === "http" ? "https" : "http" };
    const there = await ask(other).catch(() => undefined);
    if (there?.kind === "entrepot") return { kind: "other-scheme" };
    return { kind: "nobody", says: `nothing answers there (${reasonOf(error)})` };
  }
};

/** Why a client that was told `address` does not get to entrepot; undefined where it does. */
export function placeProblem(address: Address, place: Place): string | undefined {
  switch (place.kind) {
    case "entrepot":
      return undefined;
    case "other-scheme":
      return `${address.authority} does not speak ${address.scheme}: entrepot speaks ${address.scheme === "http" ? "https" : "plain http"} there`;
    case "stranger":
      return `${address.authority} is not entrepot: ${place.says}`;
    case "nobody":
      return `${address.authority} leads nowhere: ${place.says}`;
  }
}

async function ask(address: Address): Promise<Place> {
  const url = new URL(`/v2/${unknownRegistry}/doctor/manifests/none`, urlOf(address));
  const response = await get(url);
  const isTrusted = !(response.socket instanceof TLSSocket) || response.socket.authorized;
  const body = await text(response);
  if (isOurs(body)) return { kind: "entrepot", isTrusted };
  return { kind: "stranger", says: `something else answers there, with status ${response.statusCode ?? 0}` };
}

function get(url: URL): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    // Whether the client trusts the certificate is its own question; who answers is asked first.
    const sent =
      url.protocol === "https:"
        ? httpsRequest(url, { signal, rejectUnauthorized: false, agent: false }, resolve)
        : httpRequest(url, { signal, agent: false }, resolve);
    sent.on("error", reject).end();
  });
}

function isOurs(body: string): boolean {
  try {
    const document = JSON.parse(body) as { errors?: { code?: unknown; detail?: { registry?: unknown } }[] } | null;
    const [error] = document?.errors ?? [];
    return error?.code === "NAME_UNKNOWN" && error.detail?.registry === unknownRegistry;
  } catch {
    return false;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.name === "AbortError"
    ? `no answer within ${timeoutMs / 1000} s`
    : codeOf(error);
}
