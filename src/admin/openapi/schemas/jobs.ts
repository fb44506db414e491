import { count, described, list, object, oneOf, orNull, ref, text, time, type Schema } from "../schema.ts";

const jobId: Schema = { type: "string", format: "uuid" };

const warmItem = object({
  image: ref("ImageName"),
  state: oneOf("waiting", "running", "done", "failed", "cancelled"),
  bytes: count,
  totalBytes: count,
  blobs: count,
  totalBlobs: count,
  fetchedBytes: count,
  fetchedBlobs: count,
  presentBlobs: count,
  error: orNull(text),
});

const verification = object({
  blobs: count,
  bytes: count,
  findings: list(object({ digest: ref("Digest"), problem: text })),
});

const warming = object({
  fetched: object({ images: count, blobs: count, bytes: count }),
  present: object({ blobs: count, bytes: count }),
  failed: list(object({ image: ref("ImageName"), error: text })),
});

const backup = object({ blobs: count, bytes: count, linked: count, skipped: count });

/** A job of one kind; only its own kind of result fits it. */
function job(kind: string, result: Schema, more: Readonly<Record<string, Schema>> = {}): Schema {
  return object({
    id: jobId,
    kind: { type: "string", const: kind },
    state: oneOf("running", "done", "failed", "cancelled"),
    startedAt: time,
    endedAt: orNull(time),
    progress: object({ blobs: count, totalBlobs: count, bytes: count, totalBytes: count }),
    result: described(orNull(result), "Null until it is done"),
    error: orNull(text),
    ...more,
  });
}

export const jobSchemas: Readonly<Record<string, Schema>> = {
  StartedJob: object({ id: jobId }),
  Job: {
    oneOf: [job("verify", verification), job("backup", backup), job("warm", warming, { items: list(warmItem) })],
  },
};
