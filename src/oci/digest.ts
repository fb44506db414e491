import { createHash, type Hash } from "node:crypto";

declare const digestBrand: unique symbol;

/** A content digest that has passed the grammar below: `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. */
export type Digest = string & { readonly [digestBrand]: true };

export type DigestAlgorithm = "sha256" | "sha512";

const digestPattern = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

/** Whether `text` is a digest of a registered algorithm (image-spec, descriptor.md, "Digests"). */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/** The digest in `text`, or undefined: absence is a value, the caller knows which error it means. */
export function parseDigest(text: string): Digest | undefined {
  return isDigest(text) ? text : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

/** The hex part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(7);
}

export function createDigestHash(algorithm: DigestAlgorithm): Hash {
  return createHash(algorithm);
}

/** The digest that a finished hash of `algorithm` stands for. The hash cannot be used afterwards. */
export function digestOfHash(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return `${algorithm}:${hash.digest("hex")}` as Digest;
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = "sha256"): Digest {
  return digestOfHash(algorithm, createHash(algorithm).update(bytes));
}
