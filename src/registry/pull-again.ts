import type { Digest } from "../oci/index.ts";
import { send } from "./headers.ts";
import type { HotAnswer } from "./hot-answers.ts";
import { sendReader, type PullPorts, type PullRequest } from "./pull.ts";

/** Answers what was answered before; false where that cannot be done without looking it up. */
export function pullAgain(
  ports: PullPorts,
  { response, exchange }: Pick<PullRequest, "response" | "exchange">,
  { content, size, header, facts }: HotAnswer,
): boolean | Promise<boolean> {
  const { kind, method, digest } = content;
  const isHead = method === "HEAD";
  const bytes = isHead ? undefined : ports.cache.hot(digest);
  if (!isHead && !bytes && kind === "manifest") return false;
  Object.assign(exchange, facts);
  exchange.outcome = "hit";
  if (isHead || bytes) {
    send(response, exchange, 200, header, bytes);
    return true;
  }
  return sendAgain(ports, { response, exchange }, { digest, size, header });
}

async function sendAgain(
  { cache, readerLimits }: PullPorts,
  { response, exchange }: Pick<PullRequest, "response" | "exchange">,
  { digest, size, header }: { digest: Digest; size: number; header: string[] },
): Promise<boolean> {
  const reader = await cache.reopen(digest, size);
  if (!reader) return false;
  try {
    if (response.destroyed) return true;
    response.writeHead(200, header);
    await sendReader({ response, exchange }, reader, { start: 0, end: size }, readerLimits);
    return true;
  } finally {
    await reader.close();
  }
}
