import { once } from "node:events";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import type { Payload, TestUpstream } from "../../../upstream/index.ts";

/** Writes a repository of the origin as files, each at the path by which a registry is asked for it. */
export async function writeSite(content: TestUpstream["content"], repository: string, root: string): Promise<void> {
  const held = content.find(repository);
  if (!held) throw new Error(`the origin has no repository ${repository}`);
  const home = join(root, "v2", repository);
  mkdirSync(join(home, "manifests"), { recursive: true });
  for (const [digest, { bytes }] of held.manifests) writeFileSync(join(home, "manifests", digest), bytes);
  for (const [tag, digest] of held.tags) {
    writeFileSync(join(home, "manifests", tag), held.manifests.get(digest)?.bytes ?? "");
  }
  for (const [digest, payload] of held.blobs) await writePayload(payload, join(home, "blobs", digest));
}

async function writePayload(payload: Payload, file: string): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  const out = createWriteStream(file);
  for (const piece of payload.pieces(0, payload.size)) {
    if (!out.write(piece)) await once(out, "drain");
  }
  out.end();
  await finished(out);
}
