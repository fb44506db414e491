import type { IncomingMessage } from "node:http";
import { BlockList, isIPv6 } from "node:net";
import type { TLSSocket } from "node:tls";

/** How a client reaches us, as far as we can know. */
export interface ClientConnection {
  /** Nobody on the way can read along: TLS, loopback, or a unix socket. */
  isConfidential: boolean;
  /** Scheme and host as the client wrote them; undefined where the Host field is no host. */
  origin: string | undefined;
  /** Undefined on a unix socket. */
  address: string | undefined;
}

export interface ConnectionReader {
  read(request: IncomingMessage): ClientConnection;
  isProxy(address: string): boolean;
}

/** Host names, IPv4 and bracketed IPv6 literals, with a port: nothing that could end a quoted string. */
const hostPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/**
 * Reads it off a request. X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-For count only from `trustedProxies`, and of
 * several values the last: the one that the proxy next to us has written.
 */
export function createConnectionReader(trustedProxies: readonly string[]): ConnectionReader {
  const trusted = networksOf(trustedProxies);
  const loopback = networksOf(["127.0.0.0/8", "::1"]);
  const isProxy = (address: string): boolean => includes(trusted, plain(address));
  const read = (request: IncomingMessage): ClientConnection => {
    const { headers, socket } = request;
    const address = socket.remoteAddress && plain(socket.remoteAddress);
    const isTrusted = address !== undefined && isProxy(address);
    const proto = isTrusted ? lastOf(headers["x-forwarded-proto"])?.toLowerCase() : undefined;
    const host = (isTrusted ? lastOf(headers["x-forwarded-host"]) : undefined) ?? headers.host ?? "";
    const isTls = proto === undefined ? (socket as Partial<TLSSocket>).encrypted === true : proto === "https";
    // A unix socket has no address. What a proxy forwards comes from further away than the proxy.
    const isNear = proto === undefined && (address === undefined || includes(loopback, address));
    return {
      isConfidential: isTls || isNear,
      origin: hostPattern.test(host) ? `${isTls ? "https" : "http"}://${host}` : undefined,
      address: (isTrusted ? lastOf(headers["x-forwarded-for"]) : undefined) ?? address,
    };
  };
  return { read, isProxy };
}

/** An IPv4 address on a socket for both families is written as one of IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:/, "");
}

function networksOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", prefix] = text.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function includes(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function lastOf(value: string | string[] | undefined): string | undefined {
  const last = [value].flat().join(",").split(",").at(-1)?.trim();
  return last === "" ? undefined : last;
}
