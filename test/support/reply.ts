import { createHash } from "node:crypto";
import type { Reply } from "./instance.ts";

/** The first error of a reply's body. */
export function errorOf(reply: Reply): { code: string; message: string; detail?: Record<string, unknown> } {
  const { errors } = JSON.parse(reply.body.toString()) as { errors: ReturnType<typeof errorOf>[] };
  if (!errors[0]) throw new Error("a body without errors");
  return errors[0];
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
