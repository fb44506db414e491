import { randomFillSync } from "node:crypto";

const idBytes = 8;
/** Random bytes are dear by the call and cheap by the byte. */
const supply = Buffer.alloc(idBytes * 256);
let used = supply.length;

/** Sixteen hex digits that tie the lines of one request together. */
export function createRequestId(): string {
  if (used === supply.length) {
    randomFillSync(supply);
    used = 0;
  }
  used += idBytes;
  return supply.toString("hex", used - idBytes, used);
}
