import type { Server } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { RegistryError } from "../oci/index.ts";

/** What one client address may have at once; 0: as much as it likes. Looked at each time. */
export interface ClientLimitSettings {
  connectionsPerClient: number;
  fillsPerClient: number;
}

/** A client's place among its own fills; `leave` gives it back. */
export type Leave = () => void;

interface Client {
  fills: number;
  /** In the order in which they came. */
  waiting: (() => void)[];
}

const refusal = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";

/** Keeps one client from taking all there is: its connections above the limit are refused, its fills above it wait in turn. */
export class ClientLimits {
  readonly #settings: ClientLimitSettings;
  readonly #isTrusted: (address: string) => boolean;
  readonly #connections = new Map<string, number>();
  readonly #clients = new Map<string, Client>();

  /** @param isTrusted - Whether an address is a proxy's: the connections of its many clients are not counted. */
  constructor(settings: ClientLimitSettings, isTrusted: (address: string) => boolean) {
    this.#settings = settings;
    this.#isTrusted = isTrusted;
  }

  watch(server: Server): void {
    // Before a TLS handshake there is no place for an answer.
    const refuse = (socket: Socket): unknown => (server instanceof TlsServer ? socket.destroy() : socket.end(refusal));
    server.on("connection", (socket: Socket) => this.#connected(socket, refuse));
  }

  /**
   * A place for a fill of the client: at once, or when it has fewer of them than it may have.
   * @param client - Its address; undefined for one without, which is not limited.
   * @returns rejects with RegistryError TOOMANYREQUESTS after `withinMs`, and with the signal's reason.
   */
  enterFill(client: string | undefined, wait: { withinMs: number; signal: AbortSignal }): Leave | Promise<Leave> {
    const { fillsPerClient } = this.#settings;
    if (client === undefined || fillsPerClient === 0) return () => undefined;
    const own = this.#clients.get(client) ?? { fills: 0, waiting: [] };
    this.#clients.set(client, own);
    const leave = this.#leaving(client, own);
    if (own.fills >= fillsPerClient) return queued(own, fillsPerClient, wait).then(() => leave);
    own.fills += 1;
    return leave;
  }

  #leaving(name: string, own: Client): Leave {
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      // Whoever is next takes the place over.
      const next = own.waiting.shift();
      if (next) next();
      else own.fills -= 1;
      if (own.fills === 0) this.#clients.delete(name);
    };
  }

  #connected(socket: Socket, refuse: (socket: Socket) => unknown): void {
    const address = socket.remoteAddress;
    if (address === undefined || this.#isTrusted(address)) return;
    const count = (this.#connections.get(address) ?? 0) + 1;
    this.#connections.set(address, count);
    socket.once("close", () => {
      const left = (this.#connections.get(address) ?? 1) - 1;
      if (left > 0) this.#connections.set(address, left);
      else this.#connections.delete(address);
    });
    const { connectionsPerClient: limit } = this.#settings;
    if (limit > 0 && count > limit) refuse(socket);
  }
}

function queued(
  own: Client,
  limit: number,
  { withinMs, signal }: { withinMs: number; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (error: Error): void => {
      own.waiting = own.waiting.filter((other) => other !== enter);
      settle();
      reject(error);
    };
    const late = (): void =>
      leave(
        new RegistryError("TOOMANYREQUESTS", `this client has ${limit} downloads under way, and may not have more`, {
          retryAfter: 1,
          detail: { policy: "serve.fillsPerClient" },
        }),
      );
    const left = (): void => leave(signal.reason as Error);
    const timer = setTimeout(late, withinMs);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", left);
    };
    const enter = (): void => {
      settle();
      resolve();
    };
    if (signal.aborted) {
      left();
      return;
    }
    signal.addEventListener("abort", left, { once: true });
    own.waiting.push(enter);
  });
}
