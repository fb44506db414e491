import { randomBytes } from "node:crypto";

/** Sixteen hex digits that tie the lines of one request together. */
export function createRequestId(): string {
  return randomBytes(8).toString("hex");
}
