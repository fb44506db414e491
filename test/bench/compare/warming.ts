import { createHash } from "node:crypto";
import { request } from "undici";
import { until } from "../../clients/child-processes.ts";
import type { Server, Stage } from "./stage.ts";

/** One thing that is asked for, and what the answer must be. */
export interface Asset {
  path: string;
  /** Of the body. */
  digest: string;
  bytes: number;
}

/** What a client accepts of manifests; sent with everything, as every entrant must be asked the same. */
export const accept = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/** Asks a server for everything, checking each body, until nothing of it comes from the origin any more. */
export async function warm({ url, check }: Server, { origin }: Stage, assets: readonly Asset[]): Promise<void> {
  const isStored = async (): Promise<boolean> => {
    const asked = origin.watch();
    for (const asset of assets) await pullAsset(url, asset);
    return asked().bytes === 0;
  };
  await until(`${url} to have stored all that it was asked for`, 600_000, isStored, 200);
  for (const asset of assets) await check?.(asset);
}

/** Throws where the answer is not 200 with the very bytes. */
async function pullAsset(url: string, { path, digest, bytes }: Asset): Promise<void> {
  const { statusCode, body } = await request(`${url}${path}`, { headers: { accept } });
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    received += chunk.length;
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (statusCode === 200 && found === digest && received === bytes) return;
  throw new Error(`${url}${path} was answered ${statusCode} with ${received} bytes of ${found}, not ${digest}`);
}
