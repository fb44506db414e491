import { rm, stat } from "node:fs/promises";
import type { Server } from "node:http";
import { isIPv4 } from "node:net";
import { formatListenAddress, type ListenAddress } from "../config/index.ts";
import type { InheritedSocket } from "./inherited-sockets.ts";

/** One thing that one server listens on. */
export type Place = Exclude<ListenAddress, { kind: "inherited" }> | ({ kind: "fd" } & InheritedSocket);

/**
 * What an address stands for: itself, or sockets of the service manager.
 * @throws Error where none of those was passed
 */
export function placesOf(address: ListenAddress, inherited: readonly InheritedSocket[]): Place[] {
  if (address.kind !== "inherited") return [address];
  const { name } = address;
  const sockets = inherited.filter((socket) => name === undefined || socket.name === name);
  if (sockets.length > 0) return sockets.map((socket) => ({ kind: "fd", ...socket }));
  const words = name === undefined ? "no socket" : `no socket named ${name}`;
  throw new Error(
    `cannot listen on ${formatListenAddress(address)}: the service manager has passed ${words} to this process`,
  );
}

/**
 * Listens.
 * @returns the address as it came to be: port 0 has become a number, a socket of the service manager its address.
 * @throws Error in words
 */
export async function openListener(server: Server, place: Place): Promise<string> {
  // A socket file outlives its process; the lock of the data directory says that there is no other one of ours.
  if (place.kind === "unix" && (await isSocket(place.path))) await rm(place.path);
  await listen(server, place);
  const bound = server.address();
  // Node does not know the path of a unix socket that it was handed.
  if (bound === null) return formatPlace(place);
  return typeof bound === "string"
    ? `unix:${bound}`
    : formatListenAddress({ kind: "tcp", host: bound.address, port: bound.port });
}

function listen(server: Server, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      reject(new Error(`cannot listen on ${formatPlace(place)}: ${error.message}`, { cause: error }));
    });
    server.listen(optionsOf(place), () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

function optionsOf(place: Place): { path: string } | { host: string; port: number } | { fd: number } {
  switch (place.kind) {
    case "unix":
      return { path: place.path };
    case "tcp":
      return { host: place.host, port: place.port };
    case "fd":
      return { fd: place.fd };
  }
}

function formatPlace(place: Place): string {
  return place.kind === "fd" ? `fd:${place.name}` : formatListenAddress(place);
}

async function isSocket(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isSocket() ?? false;
}

/** Whether only this machine reaches it. Of a socket that was handed over nothing is known, so no. */
export function isLoopback(place: Place): boolean {
  if (place.kind === "fd") return false;
  if (place.kind === "unix" || place.host === "localhost" || place.host === "::1") return true;
  return isIPv4(place.host) && place.host.startsWith("127.");
}
