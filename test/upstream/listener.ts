import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createNetServer, type AddressInfo, type Server, type Socket } from "node:net";

/** One node:http server on 127.0.0.1 that can die at once and come back on the same port. */
export class Listener {
  /** What happens to new connections before any byte is read. */
  onConnect: "accept" | "reset" | "silent" = "accept";
  readonly host = "127.0.0.1";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  private constructor(answer: RequestListener) {
    const http = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, headersTimeout: 0 }, answer);
    // A plain server in front, as node:http would read from a connection that is to stay silent.
    this.#server = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#greet(socket);
      if (this.onConnect === "accept") http.emit("connection", socket);
    });
  }

  static async open(answer: RequestListener): Promise<Listener> {
    const listener = new Listener(answer);
    await listener.start();
    return listener;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${this.host}:${this.#port}`;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Resolves once a connection is open, even one that is never read from. */
  async connected(): Promise<void> {
    if (this.#sockets.size === 0) await once(this.#server, "connection");
  }

  async start(): Promise<void> {
    if (this.#server.listening) return;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#port, this.host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends every connection and stops listening; connecting is refused from now on. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    this.#server.close();
    this.dropConnections();
    await Promise.all([...closed, once(this.#server, "close")]);
  }

  /** Ends every connection; the listener goes on. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #greet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    if (this.onConnect === "reset") socket.resetAndDestroy();
  }
}
