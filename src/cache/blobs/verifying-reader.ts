import { createDigestHash, digestAlgorithm, type Digest } from "../../oci/index.ts";
import { BodyBroken } from "../broken.ts";
import type { BlobReader } from "./reader.ts";
import { hashIs } from "../flights/uncached-stream.ts";

export interface Verdict {
  onRight: () => void;
  onWrong: () => void;
}

/** A stored file that is read from its beginning: hashed on the way, its last bytes held back until the digest is right. */
export function createVerifyingReader(reader: BlobReader, digest: Digest, size: number, verdict: Verdict): BlobReader {
  const hash = createDigestHash(digestAlgorithm(digest));
  let hashed = 0;
  return {
    async read(buffer, position, length) {
      const count = await reader.read(buffer, position, length);
      if (position !== hashed) throw new Error(`a verified body is read in order: at ${hashed}, asked for ${position}`);
      hash.update(buffer.subarray(0, count));
      hashed += count;
      if (hashed < size) return count;
      if (!hashIs(hash, digest)) {
        verdict.onWrong();
        throw new BodyBroken("digest-mismatch", "the stored file does not have its digest any more");
      }
      verdict.onRight();
      return count;
    },
    close: () => reader.close(),
  };
}
