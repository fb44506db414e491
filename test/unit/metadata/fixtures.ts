import { openMetadata, type Metadata, type RepositoryKey } from "../../../src/metadata/index.ts";
import { digestOf, type Digest, type ManifestEdge, type RepositoryName, type Tag } from "../../../src/oci/index.ts";
import { onTestFinished } from "vitest";
import { temporaryDirectory } from "./temporary-directory.ts";

export const alpine: RepositoryKey = { upstream: "docker.io", name: "library/alpine" as RepositoryName };
export const other: RepositoryKey = { upstream: "ghcr.io", name: "team/other" as RepositoryName };
export const latest = "latest" as Tag;

/** A digest that stands for `text`. */
export function digestFor(text: string): Digest {
  return digestOf(Buffer.from(text));
}

/** An index in a new directory, closed when the test is over. */
export async function openFixture(now?: () => number): Promise<{ metadata: Metadata; directory: string }> {
  const directory = await temporaryDirectory();
  const metadata = await openMetadata({ directory, ...(now && { now }) });
  onTestFinished(() => metadata.close());
  return { metadata, directory };
}

export function edge(role: ManifestEdge["role"], text: string, size = 10): ManifestEdge {
  return { role, digest: digestFor(text), size };
}

/** Records a manifest that stands for `text`. */
export async function recordManifest(
  metadata: Metadata,
  repository: RepositoryKey,
  { text, edges = [], at = 1000 }: { text: string; edges?: ManifestEdge[]; at?: number },
): Promise<Digest> {
  const digest = digestFor(text);
  const kind = edges.some(({ role }) => role === "child") ? "index" : "image";
  await metadata.recordManifest(repository, { digest, size: 7, mediaType: `type/${kind}`, kind, edges }, at);
  return digest;
}
