import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { loadSettings, ownPeer, type Settings } from "../config/index.ts";
import { CliError, exitCodes } from "./exit-codes.ts";

/** Where a running instance's admin API is reached. */
export interface Instance {
  /** http or https, without a path; a placeholder host where `socketPath` is set. */
  url: URL;
  /** A unix socket to connect to instead of the URL's host. */
  socketPath: string | undefined;
  /** For people: `http://127.0.0.1:5001` or `unix:/run/entrepot.sock`. */
  name: string;
  /** How to know that it is the instance, with TLS, where its files are known here. */
  peer: ConnectionOptions | undefined;
  /** Undefined where the token file cannot be read: on loopback reading needs none. */
  token: string | undefined;
  tokenFile: string;
}

export interface InstanceOptions {
  admin?: string | undefined;
  tokenFile?: string | undefined;
  config?: string | undefined;
  environment: NodeJS.ProcessEnv;
}

/**
 * Finds the instance by `--admin`, ENTREPOT_ADMIN_URL or `admin.listen`, and the token by `--token-file`,
 * ENTREPOT_ADMIN_TOKEN_FILE, `admin.tokenFile` or `dataDir/admin-token`. The configuration is read only if it is needed.
 * @throws ConfigError, CliError
 */
export function findInstance({ admin, tokenFile, config, environment }: InstanceOptions): Instance {
  let loaded: Settings | undefined;
  const settings = (): Settings => (loaded ??= loadSettings({ file: configFile(config, environment), environment }));
  const givenUrl = admin ?? nonEmpty(environment["ENTREPOT_ADMIN_URL"]);
  const givenFile = tokenFile ?? nonEmpty(environment["ENTREPOT_ADMIN_TOKEN_FILE"]);
  const address = givenUrl === undefined ? addressOf(settings().admin) : addressFrom(givenUrl);
  const file = givenFile ?? settings().admin.tokenFile ?? join(settings().dataDir, "admin-token");
  // The token of this machine's own instance is not for whatever host was named.
  const isOwn = givenUrl === undefined || givenFile !== undefined || isLoopback(address);
  return { ...address, token: isOwn ? readToken(file, givenFile !== undefined) : undefined, tokenFile: file };
}

/** The configuration file: `--config`, else ENTREPOT_CONFIG, else none. */
export function configFile(flag: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  return flag ?? nonEmpty(environment["ENTREPOT_CONFIG"]);
}

type Address = Pick<Instance, "url" | "socketPath" | "name" | "peer">;

function addressFrom(text: string): Address {
  if (text.startsWith("unix:")) return unixAddress(text.slice(5));
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new CliError(exitCodes.wrongUsage, `the admin URL must be http://…, https://… or unix:/…`);
  }
  return { url: new URL(url.origin), socketPath: undefined, name: url.origin, peer: undefined };
}

/** A unix socket first where clients need certificates, which nobody has on a command line. */
function addressOf({ listen, tls }: Settings["admin"]): Address {
  const unix = listen.find((candidate) => candidate.kind === "unix");
  if (unix && (listen[0] === unix || tls?.clientCaFile !== undefined)) return unixAddress(unix.path);
  const address = listen.find((candidate) => candidate.kind === "tcp" && candidate.port !== 0);
  if (address?.kind === "tcp") {
    const scheme = tls ? "https" : "http";
    const found = addressFrom(`${scheme}://${callableHost(address.host)}:${address.port}`);
    return { ...found, peer: tls && ownPeer(tls.identity) };
  }
  if (unix) return unixAddress(unix.path);
  throw new CliError(
    exitCodes.wrongUsage,
    "admin.listen has port 0 or a socket of the service manager, whose address is not known here: give --admin URL",
  );
}

function unixAddress(path: string): Address {
  return { url: new URL("http://localhost"), socketPath: path, name: `unix:${path}`, peer: undefined };
}

/** A listener on every address is called on loopback, where reading is likeliest to be free. */
function callableHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

function isLoopback({ url, socketPath }: Address): boolean {
  return socketPath !== undefined || ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}

function readToken(file: string, isGiven: boolean): string | undefined {
  try {
    return nonEmpty(readFileSync(file, "utf8").trim());
  } catch (error) {
    if (isGiven) throw new CliError(exitCodes.wrongUsage, `the token file ${file} cannot be read`, error);
    return undefined;
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
