import type { ListenAddress } from "../../config/index.ts";

/** Where a client reaches entrepot. */
export interface Address {
  readonly scheme: "http" | "https";
  /** `cache:5000`, `[::1]:5000`; without a port where it is the scheme's. */
  readonly authority: string;
}

/** The address cannot be told from what is configured; the message says what to give. */
export class AddressUnknown extends Error {
  override readonly name = "AddressUnknown";
}

/**
 * Where clients reach the listeners: by `given` (`cache`, `cache:5000`, `https://cache`), else by the first listener with a port. A
 * listener on every address is called on loopback: what other machines call this one, nobody here knows.
 * @param scheme - Where `given` has none.
 * @throws AddressUnknown
 */
export function addressOf(
  listen: readonly ListenAddress[],
  given: string | undefined,
  scheme: Address["scheme"] = "http",
): Address {
  const tcp = listen.find((address) => address.kind === "tcp");
  const port = tcp?.kind === "tcp" && tcp.port !== 0 ? tcp.port : undefined;
  if (given !== undefined) return parseAddress(given, port, scheme);
  if (tcp?.kind !== "tcp" || port === undefined) {
    throw new AddressUnknown("`listen` has no port that is known here: say where clients reach entrepot with --host");
  }
  return parseAddress(`${callable(tcp.host)}:${port}`, port, scheme);
}

export function urlOf({ scheme, authority }: Address): URL {
  return new URL(`${scheme}://${authority}`);
}

function parseAddress(text: string, port: number | undefined, assumed: Address["scheme"]): Address {
  const hasScheme = /^https?:\/\//.test(text);
  const url = URL.parse(hasScheme ? text : `${assumed}://${text}`);
  const isPlain = url?.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
  if (!url || !isPlain) throw new AddressUnknown("--host must be HOST, HOST:PORT or http(s)://HOST:PORT");
  const scheme = url.protocol === "https:" ? "https" : "http";
  const isPortGiven = hasScheme || /:\d+$/.test(text);
  if (isPortGiven) return { scheme, authority: url.host };
  if (port === undefined) throw new AddressUnknown("--host needs a port: `listen` has none that is known here");
  return { scheme, authority: new URL(`${scheme}://${url.host}:${port}`).host };
}

function callable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
