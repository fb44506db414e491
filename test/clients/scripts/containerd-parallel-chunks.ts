// containerd >= 2.1 with parallel chunks: `bytes=0-` first, then open-ended ranges, each hung up after one chunk.
import { equal } from "node:assert/strict";
import { assertFetchedOnce, assertNothingFetched } from "../client-promises.ts";
import { hub } from "../entrepot-process.ts";
import { digestOf, type Layer, native } from "../fixture-image.ts";
import { largestLayer, type FixtureImage } from "../fixture-manifests.ts";
import { assertManifest } from "./expectations.ts";
import type { Script } from "./script.ts";
import type { Answer, Wire } from "./wire.ts";

const MiB = 1024 * 1024;
const chunkBytes = 2 * MiB;
const parallelChunks = 4;
const own = { "user-agent": "containerd/v2.1.0", "accept-encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5" };

function assertChunk(answer: Answer, offset: number, size: number): void {
  equal(answer.status, 206, `status of bytes=${offset}-`);
  equal(answer.headers["content-range"], `bytes ${offset}-${size - 1}/${size}`, "Content-Range");
  equal(answer.headers["content-length"], String(size - offset), "Content-Length");
  equal(answer.headers["content-encoding"], undefined, "Content-Encoding");
}

/** The first request finds out whether ranges are honoured; its connection carries the first chunk. */
async function fetchInChunks(wire: Wire, image: FixtureImage, layer: Layer): Promise<Buffer> {
  const size = layer.bytes.length;
  const path = `/v2/${image.repository}/blobs/${layer.digest}?ns=${hub}`;
  const fetchChunk = async (offset: number) => {
    const headers = { ...own, range: `bytes=${offset}-` };
    const hangUpAfterBytes = Math.min(chunkBytes, size - offset);
    const answer = await wire.send({ method: "GET", path, headers, hangUpAfterBytes });
    assertChunk(answer, offset, size);
    return answer.body;
  };
  const offsets = Array.from({ length: Math.ceil(size / chunkBytes) }, (_, index) => index * chunkBytes);
  const chunks: Buffer[] = [];
  for (let index = 0; index < offsets.length; index += parallelChunks) {
    chunks.push(...(await Promise.all(offsets.slice(index, index + parallelChunks).map(fetchChunk))));
  }
  return Buffer.concat(chunks);
}

export const containerdParallelChunks: Script = {
  name: "containerd with parallel chunks",
  replay: async (checks, stage, wire) => {
    const { demo, upstream } = stage;
    const layer = largestLayer(demo);
    await checks.check("containerd's parallel chunks of a cold blob assemble to its digest", async () => {
      for (const manifest of [demo.index, demo.manifests[native]]) {
        const path = `/v2/${demo.repository}/manifests/${manifest.digest}?ns=${hub}`;
        assertManifest(await wire.send({ method: "GET", path, headers: own }), manifest);
      }
      upstream.forget();
      upstream.pace(20 * MiB);
      equal(digestOf(await fetchInChunks(wire, demo, layer)), layer.digest, "digest of the assembled layer");
    });
    await checks.check("containerd's parallel chunks ask the upstream for the blob once", async () => {
      assertFetchedOnce(stage, new Map([[layer.digest, layer.bytes]]));
      await Promise.resolve();
    });
    await checks.check("containerd's parallel chunks of a blob that is here come from the cache", async () => {
      upstream.forget();
      equal(digestOf(await fetchInChunks(wire, demo, layer)), layer.digest, "digest of the assembled layer");
      assertNothingFetched(stage);
    });
  },
};
