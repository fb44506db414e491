import type { Digest } from "../oci/index.ts";
import { notAFile, type Hashed } from "./hash-protocol.ts";
import { HashFailed, type HashOptions } from "./hasher.ts";
import type { UpkeepParts } from "./parts.ts";
import type { Problem } from "./upkeep.ts";

export type Judgement =
  | { verdict: "right"; hashed: Hashed }
  /** `changedAt` tells the file that was judged from a later one; undefined where there was none. */
  | { verdict: Problem; changedAt: number | undefined }
  /** What went wrong says nothing of the file, or nothing that would allow to take it away. */
  | { verdict: "undecided"; cause: HashFailed };

/** The disk cannot give the bytes any more, or there is no file at all where one should be. */
const lostCodes: readonly string[] = ["EIO", "ELOOP", notAFile];

/**
 * Reads the file of `digest` and says what it is worth.
 * @throws `signal.reason` when aborted.
 */
export async function judge(
  { hasher }: Pick<UpkeepParts, "hasher">,
  digest: Digest,
  options: HashOptions,
): Promise<Judgement> {
  try {
    const hashed = await hasher.hash(digest, options);
    if (hashed.digest === digest) return { verdict: "right", hashed };
    return { verdict: "wrong", changedAt: hashed.changedAt };
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof HashFailed)) throw error;
    return judgeFailure(error);
  }
}

function judgeFailure(cause: HashFailed): Judgement {
  const { code, changedAt } = cause;
  if (code === "ENOENT") return { verdict: "missing", changedAt };
  return lostCodes.includes(code) ? { verdict: "unreadable", changedAt } : { verdict: "undecided", cause };
}
