import { lookup, type LookupAddress } from "node:dns";
import type { LookupFunction, Socket } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { buildConnector } from "undici";
import { isPublicAddress } from "./address.ts";

/** A redirect or a realm led to an address that only something inside our own network can have. */
export class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
  readonly code = "ENTREPOT_FORBIDDEN_ADDRESS";

  constructor() {
    super("the host has a private, loopback or link-local address");
  }
}

/** Errors of sockets that had carried an answer before: the request may be sent again on a new one. */
const reusedSocketErrors = new WeakSet<Error>();

/** Whether `error` ended a connection that had been kept alive from an earlier answer. */
export function isReusedSocketError(error: Error): boolean {
  const socket = (error as Error & { socket?: { bytesRead?: number } }).socket;
  return reusedSocketErrors.has(error) || (socket?.bytesRead ?? 0) > 0;
}

/**
 * Trusts the default roots, as Node has them, and the upstream's own certificates; with a client certificate, that is shown
 * where it is asked for. Made once: parsing roots takes milliseconds.
 */
export function createTrust(ca: string | undefined, clientCertificate?: { cert: string; key: string }): SecureContext {
  const roots = getCACertificates("default");
  return createSecureContext({ ca: ca === undefined ? roots : [...roots, ca], ...clientCertificate });
}

/**
 * Opens connections. A guarded one leads to public addresses only: names are checked in the very lookup that the
 * connection uses, so that a second answer of the name server (DNS rebinding) changes nothing, and the address that was
 * reached is checked once more.
 */
export function createConnector(options: {
  isGuarded: boolean;
  /** Undefined for the default roots. */
  trust: SecureContext | undefined;
  connectTimeoutMs: number;
}): buildConnector.connector {
  const connect = buildConnector({
    allowH2: false,
    timeout: options.connectTimeoutMs,
    ...(options.trust && { secureContext: options.trust }),
    ...(options.isGuarded && { lookup: lookupPublic }),
  });
  return (target, callback) => {
    connect(target, (...result: [Error, null] | [null, Socket]) => {
      const [error, socket] = result;
      if (error) {
        callback(error, null);
        return;
      }
      if (options.isGuarded && !isPublicAddress(socket.remoteAddress ?? "")) {
        socket.destroy();
        callback(new ForbiddenAddress(), null);
        return;
      }
      socket.prependListener("error", (failure: Error) => {
        if (socket.bytesRead > 0) reusedSocketErrors.add(failure);
      });
      callback(null, socket);
    });
  };
}

/** Finds public addresses only, and is the very lookup that the connection uses. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) {
      callback(error, []);
      return;
    }
    const allowed = addresses.filter(({ address }) => isPublicAddress(address));
    const [first] = allowed;
    if (!first) callback(new ForbiddenAddress(), []);
    else if (options.all) callback(null, allowed);
    else callback(null, first.address, first.family);
  });
};
