/** The thread that lists and hashes files. Started by hasher.ts; speaks hash-protocol.ts. */
import { closeSync, constants, lstatSync, openSync, readSync, type Stats } from "node:fs";
import type { Hash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { blobPath, listShelf } from "../blobstore/index.ts";
import {
  createDigestHash,
  digestAlgorithm,
  digestOfHash,
  ManifestInvalid,
  maxDescriptors,
  maxManifestBytes,
  parseManifest,
  type Digest,
  type DigestAlgorithm,
} from "../oci/index.ts";
import { notAFile, type FromHasher, type Hashed, type ManifestContent, type ToHasher } from "./hash-protocol.ts";

const { directory } = workerData as { directory: string };
const step = Buffer.allocUnsafeSlow(1024 * 1024);
const openBrace = 0x7b;

/** A file that is being hashed. */
class Job {
  readonly status: Stats;
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  readonly #descriptor: number;
  readonly #kept: Buffer[] = [];
  #mayBeManifest: boolean;
  #size = 0;

  constructor(path: string, algorithm: DigestAlgorithm, status: Stats, wantsManifest: boolean) {
    this.status = status;
    this.#algorithm = algorithm;
    this.#hash = createDigestHash(algorithm);
    this.#mayBeManifest = wantsManifest && status.size <= maxManifestBytes;
    // Nothing may stop the thread, not even a pipe that has taken the file's place since it was looked at.
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  }

  next(id: number): FromHasher {
    const bytes = this.#fillStep();
    const read = step.subarray(0, bytes);
    this.#hash.update(read);
    if (this.#size === 0 && read[0] !== openBrace) this.#mayBeManifest = false;
    if (this.#mayBeManifest) this.#kept.push(Buffer.from(read));
    this.#size += bytes;
    return bytes < step.length ? { id, kind: "hashed", bytes, hashed: this.#finish() } : { id, kind: "read", bytes };
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #fillStep(): number {
    let filled = 0;
    while (filled < step.length) {
      const count = readSync(this.#descriptor, step, filled, step.length - filled, this.#size + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  #finish(): Hashed {
    return {
      digest: digestOfHash(this.#algorithm, this.#hash),
      size: this.#size,
      modifiedAt: Math.floor(this.status.mtimeMs),
      changedAt: this.status.ctimeMs,
      manifest: this.#kept.length === 0 ? undefined : manifestIn(Buffer.concat(this.#kept)),
    };
  }
}

const jobs = new Map<number, Job>();

function manifestIn(bytes: Buffer): ManifestContent | undefined {
  try {
    const { kind, mediaType, edges } = parseManifest(bytes);
    return { kind, mediaType, edges: edges.length > maxDescriptors ? [] : edges };
  } catch (error) {
    if (error instanceof ManifestInvalid) return undefined;
    throw error;
  }
}

function answer(message: ToHasher): FromHasher | undefined {
  const { id } = message;
  switch (message.ask) {
    case "list":
      return { id, kind: "listed", files: listShelf(directory, message.shelf) };
    case "hash":
      return begin(id, message.digest, message.wantsManifest);
    case "next":
      return goOn(id);
    case "drop":
      end(id);
      return undefined;
  }
}

function begin(id: number, digest: Digest, wantsManifest: boolean): FromHasher {
  const path = blobPath(directory, digest);
  const status = lstatSync(path);
  if (!status.isFile()) return { id, kind: "failed", code: notAFile, changedAt: status.ctimeMs };
  try {
    jobs.set(id, new Job(path, digestAlgorithm(digest), status, wantsManifest));
    return goOn(id);
  } catch (error) {
    return failure(id, error, status.ctimeMs);
  }
}

function goOn(id: number): FromHasher {
  const job = jobs.get(id);
  if (!job) throw new Error("no such job");
  try {
    const reply = job.next(id);
    if (reply.kind === "hashed") end(id);
    return reply;
  } catch (error) {
    end(id);
    return failure(id, error, job.status.ctimeMs);
  }
}

function end(id: number): void {
  jobs.get(id)?.close();
  jobs.delete(id);
}

/** Errors cross the thread as plain values: structured clone drops the fields of an Error. */
function failure(id: number, error: unknown, changedAt?: number): FromHasher {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return { id, kind: "failed", code, changedAt };
}

function take(message: ToHasher): void {
  let reply: FromHasher | undefined;
  try {
    reply = answer(message);
  } catch (error) {
    reply = failure(message.id, error);
  }
  if (reply) parentPort?.postMessage(reply);
}

parentPort?.on("message", take);
