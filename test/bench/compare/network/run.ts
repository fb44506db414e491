// A TCP proxy before the origin that is as far away, and as slow, as a registry in another place.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { Lane } from "./lane.ts";
import type { Distance } from "./distant.ts";

const distance = JSON.parse(String(process.argv[2])) as Distance;

function forward(client: Socket): void {
  const { targetPort, roundTripMs, bytesPerSecond } = distance;
  const server = connect({ host: "127.0.0.1", port: targetPort, allowHalfOpen: true, noDelay: true });
  const acceptedAt = performance.now();
  const line = { delayMs: roundTripMs / 2, bytesPerSecond };
  // The kernel has shaken hands at once; on a real line, that takes a round trip.
  new Lane(client, server, { ...line, openAt: acceptedAt + roundTripMs });
  new Lane(server, client, { ...line, openAt: acceptedAt });
  for (const [one, other] of [
    [client, server],
    [server, client],
  ] as const) {
    one.on("error", () => other.destroy());
  }
}

const listener = createServer({ allowHalfOpen: true, noDelay: true }, forward).listen(0, "127.0.0.1");
await once(listener, "listening");
process.send?.((listener.address() as AddressInfo).port);
process.on("disconnect", () => process.exit());
