import type { AnswerOutcome, BlobAnswer, BlobRequest, RangeUnsatisfiable } from "../answers.ts";
import { spanOf, type Span } from "./ranges.ts";
import type { BlobReader } from "./reader.ts";

/** The answer to a request for a blob of `size` bytes, whole or in part, read from what `open` gives. */
export function answerWith(
  { digest, range }: BlobRequest,
  outcome: AnswerOutcome,
  size: number,
  open: (span: Span) => BlobReader,
): BlobAnswer | RangeUnsatisfiable {
  const span = range ? spanOf(range, size) : { start: 0, end: size };
  if (!span) return { outcome: "unsatisfiable", size };
  return { outcome, digest, size, ...span, isPartial: range !== undefined, reader: open(span) };
}
