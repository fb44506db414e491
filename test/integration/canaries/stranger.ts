import { createServer, type AddressInfo, type Server } from "node:net";

/** A listener that nothing of ours is meant for: it keeps every byte it is sent, and answers so that one might go on. */
export interface Stranger {
  port: number;
  readonly connections: number;
  readonly received: string;
  close(): Promise<void>;
}

const body = '{"token":"from-a-stranger"}';
const answer = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;

export async function startStranger(): Promise<Stranger> {
  let connections = 0;
  let received = "";
  const server: Server = createServer((socket) => {
    connections += 1;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get received() {
      return received;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
