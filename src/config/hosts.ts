import { isIP } from "node:net";
import { parseAuthority as parseAuthorityText, parseHost as parseHostText } from "../oci/index.ts";

/**
 * Where a server listens: a TCP port (0 for any free one) on a host name or address literal, a unix socket, or sockets that
 * the service manager has opened (`sd_listen_fds(3)`): those of one name, or all of them.
 */
export type ListenAddress =
  | { kind: "tcp"; host: string; port: number }
  | { kind: "unix"; path: string }
  | { kind: "inherited"; name: string | undefined };

/** A host name or IPv4 literal in lower case; undefined where the value is not one. */
export function parseHost(value: unknown): string | undefined {
  return typeof value === "string" ? parseHostText(value) : undefined;
}

/** `host` or `host:port` in lower case: the grammar of upstream names and token hosts. */
export function parseAuthority(value: unknown): string | undefined {
  return typeof value === "string" ? parseAuthorityText(value) : undefined;
}

/** How an upstream name is written as the first part of a path: `host_5443` (a colon is not allowed there). */
export function pathForm(upstreamName: string): string {
  return upstreamName.replace(":", "_");
}

/** `127.0.0.1:5000`, `[::1]:5000`, `cache.example:0`, `unix:/run/entrepot.sock`, `systemd`, `fd:pull`. */
export function parseListenAddress(value: unknown): ListenAddress | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (text.startsWith("unix:")) return text.length > 5 ? { kind: "unix", path: text.slice(5) } : undefined;
  if (text === "systemd") return { kind: "inherited", name: undefined };
  if (text.startsWith("fd:"))
    return /^fd:[!-9;-~]+$/.test(text) ? { kind: "inherited", name: text.slice(3) } : undefined;
  const [, bracketed, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed === undefined ? parseHost(name) : parseIpv6(bracketed);
  const port = parsePort(digits ?? "");
  return host === undefined || port === undefined ? undefined : { kind: "tcp", host, port };
}

export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  if (address.kind === "inherited") return address.name === undefined ? "systemd" : `fd:${address.name}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether the second of two listeners would fail with EADDRINUSE or find its socket taken. A wildcard host covers every other on its port. */
export function listenersOverlap(one: ListenAddress, other: ListenAddress): boolean {
  if (one.kind === "inherited" && other.kind === "inherited") {
    return one.name === undefined || other.name === undefined || one.name === other.name;
  }
  if (one.kind === "unix" && other.kind === "unix") return one.path === other.path;
  if (one.kind !== "tcp" || other.kind !== "tcp") return false;
  if (one.port === 0 || one.port !== other.port) return false;
  return one.host === other.host || isWildcard(one.host) || isWildcard(other.host);
}

/** An address, or a network with its prefix length: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`. */
export function parseNetwork(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const [, address = "", prefix] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(value.trim()) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(prefix ?? 0) > (family === 4 ? 32 : 128)) return undefined;
  return prefix === undefined ? address.toLowerCase() : `${address.toLowerCase()}/${Number(prefix)}`;
}

function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function parseIpv6(text: string): string | undefined {
  return URL.canParse(`http://[${text}]/`) ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : undefined;
}

function parsePort(digits: string): number | undefined {
  return /^\d{1,5}$/.test(digits) && Number(digits) <= 65_535 ? Number(digits) : undefined;
}
