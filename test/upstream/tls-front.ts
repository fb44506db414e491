import { connect, type AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";

/** A certificate and its key, in PEM. */
export interface Identity {
  cert: string;
  key: string;
}

/** TLS before a listener that speaks plain http; it can change what it shows itself as. */
export interface TlsFront {
  readonly url: string;
  /** From now on, for new connections; those that are open are ended. */
  present(identity: Identity): void;
  close(): Promise<void>;
}

/** @param port of the plain listener on 127.0.0.1 */
export async function startTlsFront(port: number, identity: Identity): Promise<TlsFront> {
  const sockets = new Set<TLSSocket>();
  const server = createServer(identity, (socket) => {
    const plain = connect(port, "127.0.0.1");
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      plain.destroy();
    });
    plain.on("close", () => socket.destroy());
    for (const side of [socket, plain]) side.on("error", () => undefined);
    socket.pipe(plain).pipe(socket);
  });
  const dropAll = (): void => sockets.forEach((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    present(next) {
      server.setSecureContext(next);
      dropAll();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      dropAll();
      await closed;
    },
  };
}
