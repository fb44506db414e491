import { createHash } from "node:crypto";
import { Agent, request } from "undici";
import { seededBlob, startUpstream } from "../upstream/index.ts";
import { startMeasured } from "./measured-instance.ts";
import type { Finding } from "./finding.ts";

const clients = 64;
const blobBytes = 100 * 1000 * 1000;
/** 80 Mbit/s. */
const originBytesPerSecond = 10 * 1000 * 1000;

interface Pull {
  digest: string;
  firstByteMs: number;
  totalMs: number;
}

/** 64 clients ask at once for one cold blob of 100 MB, whose origin is limited to 80 Mbit/s. */
export async function storm(): Promise<Finding[]> {
  const upstream = await startUpstream({});
  const instance = await startMeasured(upstream.url);
  const agent = new Agent({ connections: clients });
  try {
    const digest = upstream.pushBlob("library/demo", seededBlob("storm", blobBytes));
    upstream.throttle.bytesPerSecond = originBytesPerSecond;
    // As docker and podman do: ask for /v2/ first. The blob is cold, the connections are not.
    await Promise.all(Array.from({ length: clients }, () => pull(`${instance.url}/v2/`, agent, 0)));
    const startedAt = performance.now();
    const url = `${instance.url}/v2/library/demo/blobs/${digest}`;
    const pulls = await Promise.all(Array.from({ length: clients }, () => pull(url, agent, startedAt)));
    const firsts = pulls.map(({ firstByteMs }) => firstByteMs);
    const gets = upstream.requests.count({ kind: "blob", method: "GET" });
    const bytes = upstream.requests.bytes({ kind: "blob" });
    const spread = Math.max(...firsts) - Math.min(...firsts);
    return [
      { promise: `${clients} clients on one cold blob make 1 upstream GET`, holds: gets === 1, figure: `${gets} GET` },
      {
        promise: "and 1.00 times its bytes leave the upstream",
        holds: bytes === blobBytes,
        figure: `${(bytes / blobBytes).toFixed(2)} x`,
      },
      {
        promise: `and ${clients} digests are right`,
        holds: pulls.every((one) => one.digest === digest),
        figure: `${pulls.filter((one) => one.digest === digest).length} of ${clients}`,
      },
      {
        promise: "slowest first byte after the first client's (aim: within 50 ms)",
        figure: `${spread.toFixed(1)} ms (first ${Math.min(...firsts).toFixed(1)} ms, slowest ${Math.max(...firsts).toFixed(1)} ms)`,
      },
      {
        promise: "total time against the blob's time at the origin's rate (aim: 1.15)",
        figure: `${(Math.max(...pulls.map(({ totalMs }) => totalMs)) / ((blobBytes / originBytesPerSecond) * 1000)).toFixed(2)} x`,
      },
      { promise: "resident memory of the server, peak", figure: `${(await instance.memory()).peakMiB} MiB` },
    ];
  } finally {
    await agent.destroy();
    await instance.stop();
    await upstream.close();
  }
}

async function pull(url: string, dispatcher: Agent, startedAt: number): Promise<Pull> {
  const { body } = await request(url, { dispatcher });
  const hash = createHash("sha256");
  let firstByteMs = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (firstByteMs === 0) firstByteMs = performance.now() - startedAt;
    hash.update(chunk);
  }
  return { digest: `sha256:${hash.digest("hex")}`, firstByteMs, totalMs: performance.now() - startedAt };
}
