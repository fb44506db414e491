import { connect } from "node:net";

export interface RawAnswer {
  /** Status line and headers, in lower case. */
  header: string;
  body: Buffer;
}

/** What a GET brings over the wire until the connection ends, without any reading of HTTP. */
export function rawAnswer(url: string, signal?: AbortSignal): Promise<RawAnswer> {
  const { hostname, port, pathname, host } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => pieces.push(piece));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      const all = Buffer.concat(pieces);
      const end = all.indexOf("\r\n\r\n");
      resolve({ header: all.subarray(0, Math.max(0, end)).toString().toLowerCase(), body: all.subarray(end + 4) });
    });
    signal?.addEventListener("abort", () => socket.destroy());
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  });
}
