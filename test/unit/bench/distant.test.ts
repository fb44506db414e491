import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { startDistant, type Distant } from "../../bench/compare/network/distant.ts";
import { seededBytes } from "../../upstream/index.ts";

let distant: Distant | undefined;
const server = createServer({ allowHalfOpen: true });

afterEach(async () => {
  await distant?.close();
  server.close();
  await once(server, "close");
});

/** A client's socket that leads to `serve` over a distant line. */
async function openTo(serve: (socket: Socket) => void): Promise<Socket> {
  server.on("connection", serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  const targetPort = (server.address() as AddressInfo).port;
  distant = await startDistant({ targetPort, roundTripMs: 20, bytesPerSecond: 10e6 });
  const { hostname, port } = new URL(distant.url);
  return connect({ host: hostname, port: Number(port), allowHalfOpen: true });
}

async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of socket as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("a distant origin", () => {
  it("gets and sends every byte in order, also behind a closed half", async () => {
    const sent = seededBytes("lane", 1_500_000);
    const client = await openTo((socket) => void readAll(socket).then((bytes) => socket.end(bytes)));
    client.end(sent);
    expect((await readAll(client)).equals(sent)).toBe(true);
  });
});
