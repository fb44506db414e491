import type { HeldBlob, Metadata } from "../../metadata/index.ts";
import type { Digest } from "../../oci/index.ts";
import type { AnswerOutcome, BlobAnswer, BlobRequest, RangeUnsatisfiable } from "../answers.ts";
import type { BlobAccess } from "./blob-access.ts";
import type { BlobFills } from "./blob-fills.ts";
import type { BlobParts } from "./blob-parts.ts";
import type { Flights } from "../flights/flights.ts";
import type { Keeping } from "../keeping.ts";
import type { Membership } from "../membership.ts";
import type { ByteRange } from "./ranges.ts";
import { answerWith } from "./answer-with.ts";
import type { Source } from "../source.ts";
import type { StoredBlobs } from "./stored-blobs.ts";

export interface BlobPorts {
  index: Metadata;
  eviction: Keeping;
  access: BlobAccess;
  membership: Membership;
  stored: StoredBlobs;
  fills: BlobFills;
  parts: BlobParts;
  flights: Flights;
}

const unproven = "a copy is stored, but this repository is not known to hold it";

/** Blobs: from memory or disk; else from a shared flight; else, for a part far from where a flight is, from the upstream. */
export class Blobs {
  readonly #ports: BlobPorts;

  constructor(ports: BlobPorts) {
    this.#ports = ports;
  }

  async head({ source, digest }: BlobRequest): Promise<BlobAnswer> {
    const { index, eviction, access, membership, flights } = this.#ports;
    const held = this.#held(source, digest);
    const row = held ?? index.blob(digest);
    if (row?.state === "present" && row.size !== undefined) {
      if (!held) await access.require(source, digest, unproven);
      eviction.seen(digest);
      return headAnswer("hit", digest, row.size);
    }
    const size = flights.get(source.key.upstream, digest)?.size ?? index.claimedSize(source.key, digest);
    if (size !== undefined && membership.isKnown(source, digest)) return headAnswer("hit", digest, size);
    access.refuseAbsent(source, digest);
    return headAnswer("uncached", digest, await access.askSize(source, digest));
  }

  /** The answer's reader must be closed. `RangeUnsatisfiable` is a value: the blob is there, the range is not. */
  async get(request: BlobRequest): Promise<BlobAnswer | RangeUnsatisfiable> {
    const { access, fills } = this.#ports;
    const { source, digest } = request;
    for (let isProven = false; ; isProven = true) {
      const stored = await this.#stored(request);
      if (stored) return stored;
      access.refuseAbsent(source, digest);
      // Nothing is awaited on the way to a flight: the other parts of the same download come right behind and look for it.
      if (!isProven && this.#isForUpstream(request)) {
        const part = await this.#ports.parts.answer(request, request.range);
        if (part) return part;
      }
      const filled = await fills.answer(request, isProven);
      if (filled) return filled;
    }
  }

  /** One look at the index is all that most hits need. @throws RegistryError BLOB_UNKNOWN for what is a manifest here */
  #held(source: Source, digest: Digest): HeldBlob | undefined {
    const { access, membership } = this.#ports;
    const held = membership.held(source, digest);
    if (!held || held.isManifest) access.refuseManifest(source, digest);
    return held;
  }

  #isForUpstream(request: BlobRequest): request is BlobRequest & { range: ByteRange } {
    return request.range !== undefined && !this.#ports.parts.isForFlight(request, request.range);
  }

  async #stored(request: BlobRequest): Promise<BlobAnswer | RangeUnsatisfiable | undefined> {
    const { eviction, access, stored } = this.#ports;
    const { source, digest } = request;
    const held = this.#held(source, digest);
    const isAtHand = held?.state === "present";
    if (!isAtHand) {
      if (!(await stored.isHere(digest))) return undefined;
      await access.require(source, digest, unproven);
    }
    eviction.pulledBlob(digest);
    const blob = await stored.open(digest, request.range === undefined, isAtHand ? held : undefined);
    if (!blob) return undefined;
    const answer = answerWith(request, "hit", blob.size, () => blob.reader);
    if (answer.outcome !== "unsatisfiable") return { ...answer, handOver: blob.handOver };
    await blob.reader.close();
    return answer;
  }
}

function headAnswer(outcome: AnswerOutcome, digest: Digest, size: number): BlobAnswer {
  return { outcome, digest, size, start: 0, end: size, isPartial: false, reader: undefined };
}
