import { randomBytes } from "node:crypto";
import type { Server, ServerOptions } from "node:https";
import type { TLSSocket } from "node:tls";
import {
  readServerIdentity,
  validityFault,
  type ConfigFault,
  type ServerIdentity,
  type ServerTlsSettings,
} from "../config/index.ts";
import type { Logger } from "../telemetry/index.ts";

const lookEveryMs = 10_000;
const tellEveryMs = 60_000;
const handshakeTimeoutMs = 30_000;
/** What OpenSSL takes for tickets of a session. */
const ticketKeyBytes = 48;

export interface ListenerIdentityOptions {
  /** Of the section in the configuration: `tls`, `admin.tls`. */
  path: string;
  now: () => number;
  setTimer: (ms: number, action: () => void) => () => void;
  logger: Logger;
}

/**
 * What servers show themselves as. The files are looked at every ten seconds, by their content: so it does not matter how they
 * are replaced. New connections get the new identity, those that are open go on. Files that do not fit together change
 * nothing.
 */
export class ListenerIdentity {
  readonly #options: ListenerIdentityOptions;
  readonly #servers = new Set<Server>();
  readonly #toldAt = new Map<string, number>();
  #settings: ServerTlsSettings;
  #shown: ServerIdentity;
  #lastFault: string | undefined;
  #stopTimer: () => void;

  constructor(settings: ServerTlsSettings, options: ListenerIdentityOptions) {
    this.#options = options;
    this.#settings = settings;
    this.#shown = settings.identity;
    this.#stopTimer = this.#lookLater();
    this.#tellValidity();
  }

  /** For `createServer` of node:https. TLS 1.2 and 1.3, HTTP/1.1 alone. */
  get serverOptions(): ServerOptions {
    const hasClientCa = this.#shown.clientCa !== undefined;
    return {
      ...contextOf(this.#shown),
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: handshakeTimeoutMs,
      requestCert: hasClientCa,
      rejectUnauthorized: hasClientCa,
    };
  }

  /** Keeps a server that was made with `serverOptions` up to date. */
  attach(server: Server): void {
    this.#servers.add(server);
    server.once("close", () => this.#servers.delete(server));
    server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => this.#tellRefusal(error, socket));
  }

  /** Goes over to other files, which have been read. Whether clients need certificates stays as it was at the start. */
  use(settings: ServerTlsSettings): void {
    this.#settings = settings;
    this.#show(settings.identity);
  }

  /** Looks at the files now. */
  look(): void {
    const { path, logger } = this.#options;
    const faults: ConfigFault[] = [];
    const found = readServerIdentity(this.#settings, path, faults);
    if (found) {
      this.#lastFault = undefined;
      this.#show(found);
      return;
    }
    const words = faults.map((fault) => `${fault.path}: ${fault.message}`).join("; ");
    if (words === this.#lastFault) return;
    this.#lastFault = words;
    logger.error({ faults }, "the files of a certificate cannot be used; the one that was read before is kept");
  }

  close(): void {
    this.#stopTimer();
  }

  #lookLater(): () => void {
    return this.#options.setTimer(lookEveryMs, () => {
      this.#stopTimer = this.#lookLater();
      this.look();
    });
  }

  #show(identity: ServerIdentity): void {
    const { cert, key, clientCa } = this.#shown;
    if (identity.cert === cert && identity.key === key && identity.clientCa === clientCa) return;
    this.#shown = identity;
    for (const server of this.#servers) {
      server.setSecureContext(contextOf(identity));
      // Whoever resumed a session would still see the old certificate, and be let in by the old authorities.
      server.setTicketKeys(randomBytes(ticketKeyBytes));
    }
    const { certFile } = this.#settings;
    this.#options.logger.info({ certFile }, "a certificate was replaced: new connections are shown the new one");
    this.#tellValidity();
  }

  #tellValidity(): void {
    const { logger, now } = this.#options;
    const { certFile } = this.#settings;
    const fault = validityFault(this.#shown, now());
    if (fault !== undefined) logger.warn({ certFile }, `a certificate ${fault}: clients will refuse it`);
  }

  /** One line a minute for each reason: whoever is refused tries again and again. */
  #tellRefusal({ code }: NodeJS.ErrnoException, socket: TLSSocket): void {
    // Set where the handshake was completed and the certificate then found wanting. @types/node has it as an Error.
    const unauthorized = socket.authorizationError as unknown;
    const reason = typeof unauthorized === "string" ? unauthorized : code;
    // Somebody who hangs up has not been refused.
    if (reason === undefined || reason === "ECONNRESET") return;
    const now = this.#options.now();
    if (now < (this.#toldAt.get(reason) ?? -Infinity) + tellEveryMs) return;
    this.#toldAt.set(reason, now);
    this.#options.logger.warn({ listener: this.#options.path, reason }, wordsOf(reason, reason === unauthorized));
  }
}

function contextOf({ cert, key, clientCa }: ServerIdentity): ServerOptions {
  return { cert, key, minVersion: "TLSv1.2", ...(clientCa !== undefined && { ca: clientCa }) };
}

function wordsOf(reason: string, isCertificate: boolean): string {
  if (isCertificate)
    return "a client was refused: its certificate was not issued by one of clientCaFile, or has expired";
  switch (reason) {
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return "a client was refused: it has shown no certificate, and clientCaFile asks for one";
    case "ERR_SSL_HTTP_REQUEST":
      return "a client was refused: it speaks plain http, and this listener TLS";
    case "ERR_SSL_UNSUPPORTED_PROTOCOL":
      return "a client was refused: it does not speak TLS 1.2 or newer";
    default:
      return "a client was refused: the TLS handshake has failed";
  }
}
