import { mediaTypes, type Digest } from "../../../src/oci/index.ts";

interface Named {
  digest: Digest;
  size: number;
}

export function imageManifest(config: Named, layers: Named[]): Buffer {
  return jsonOf({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers });
}

export function imageIndex(manifests: (Named & { platform?: { os: string; architecture: string } })[]): Buffer {
  return jsonOf({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
}

function jsonOf(document: object): Buffer {
  return Buffer.from(JSON.stringify(document));
}
