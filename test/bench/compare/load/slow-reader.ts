import { connect } from "node:net";

export interface SlowReaderOptions {
  url: string;
  path: string;
  /** Taken at once, then it waits for the next tick. */
  bytesPerTick: number;
  tickMs: number;
}

/** A client that reads a little and then waits. */
export interface SlowReader {
  /** Bytes so far, header included. */
  taken(): number;
  close(): void;
}

export function readSlowly({ url, path, bytesPerTick, tickMs }: SlowReaderOptions): SlowReader {
  const { hostname, port, host } = new URL(url);
  let taken = 0;
  let budget = bytesPerTick;
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const timer = setInterval(() => {
    budget = bytesPerTick;
    socket.resume();
  }, tickMs);
  socket.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    budget -= chunk.length;
    if (budget <= 0) socket.pause();
  });
  socket.on("close", () => clearInterval(timer));
  socket.on("error", () => undefined);
  return { taken: () => taken, close: () => void socket.destroy() };
}
