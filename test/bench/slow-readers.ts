import { setTimeout as sleep } from "node:timers/promises";
import { request } from "undici";
import { seededBlob, startUpstream } from "../upstream/index.ts";
import { readSlowly, type SlowReader } from "./compare/load/slow-reader.ts";
import type { Finding } from "./finding.ts";
import { startMeasured } from "./measured-instance.ts";

const readers = 64;
const blobBytes = 1024 * 1024 * 1024;
const readForMs = 20_000;
/** Each reader takes 2.5 MB/s. */
const pace = { bytesPerTick: 256 * 1024, tickMs: 100 };
const maxMiB = 200;

/** 64 clients read a blob of 1 GiB slowly, while it is filled and after. */
export async function slowReaders(): Promise<Finding[]> {
  const upstream = await startUpstream({});
  const instance = await startMeasured(upstream.url);
  const slow: SlowReader[] = [];
  try {
    const digest = upstream.pushBlob("library/demo", seededBlob("slow", blobBytes));
    const path = `/v2/library/demo/blobs/${digest}`;
    const before = await instance.memory();
    for (let opened = 0; opened < readers; opened += 1) slow.push(readSlowly({ url: instance.url, path, ...pace }));
    const { body } = await request(`${instance.url}${path}`);
    await body.dump({ limit: Number.MAX_SAFE_INTEGER });
    await sleep(readForMs);
    const { nowMiB, peakMiB } = await instance.memory();
    const counts = slow.map((reader) => reader.taken());
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
    for (const reader of slow) reader.close();
    await instance.stop();
    await upstream.close();
  }
}
