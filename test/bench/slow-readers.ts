import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { seededBlob, startUpstream } from "../upstream/index.ts";
import type { Finding } from "./finding.ts";
import { startMeasured } from "./measured-instance.ts";

const readers = 64;
const blobBytes = 1024 * 1024 * 1024;
const readForMs = 20_000;
/** Each reader takes this much every 100 ms: 2.5 MB/s. */
const bytesPerTick = 256 * 1024;
const maxMiB = 200;

/** 64 clients read a blob of 1 GiB slowly, while it is filled and after. */
export async function slowReaders(): Promise<Finding[]> {
  const upstream = await startUpstream({});
  const instance = await startMeasured(upstream.url);
  const sockets: Socket[] = [];
  try {
    const digest = upstream.pushBlob("library/demo", seededBlob("slow", blobBytes));
    const path = `/v2/library/demo/blobs/${digest}`;
    const before = await instance.memory();
    const taken = Array.from({ length: readers }, () => readSlowly(instance.url, path, sockets));
    const { body } = await request(`${instance.url}${path}`);
    await body.dump({ limit: Number.MAX_SAFE_INTEGER });
    await sleep(readForMs);
    const { nowMiB, peakMiB } = await instance.memory();
    const counts = taken.map((count) => count());
    return [
      {
        promise: `${readers} slow readers of a 1 GiB blob are all being served`,
        holds: counts.every((count) => count > 0),
        figure: `${(Math.min(...counts) / 1e6).toFixed(1)} to ${(Math.max(...counts) / 1e6).toFixed(1)} MB each so far`,
      },
      {
        promise: `with less than ${maxMiB} MiB of resident memory`,
        holds: peakMiB < maxMiB,
        figure: `${before.nowMiB} MiB before, ${nowMiB} MiB now, ${peakMiB} MiB at most`,
      },
      {
        promise: "and the blob left the upstream once",
        holds: upstream.requests.count({ kind: "blob", method: "GET" }) === 1,
        figure: `${upstream.requests.count({ kind: "blob", method: "GET" })} GET`,
      },
    ];
  } finally {
    for (const socket of sockets) socket.destroy();
    await instance.stop();
    await upstream.close();
  }
}

/** A client that reads a little and then waits; tells how many bytes it has taken. */
function readSlowly(url: string, path: string, sockets: Socket[]): () => number {
  const { hostname, port, host } = new URL(url);
  let taken = 0;
  const socket = connect({ host: hostname, port: Number(port) });
  sockets.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  let budget = bytesPerTick;
  const timer = setInterval(() => {
    budget = bytesPerTick;
    socket.resume();
  }, 100);
  socket.on("data", (chunk: Buffer) => {
    taken += chunk.length;
    budget -= chunk.length;
    if (budget <= 0) socket.pause();
  });
  socket.on("close", () => clearInterval(timer));
  socket.on("error", () => undefined);
  return () => taken;
}
