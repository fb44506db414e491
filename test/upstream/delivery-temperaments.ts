import type { Gate } from "./gate.ts";
import type { Temperament } from "./temperament.ts";

/** The body comes at this rate. */
export function slow(bytesPerSecond: number): Temperament {
  return { name: "slow", delivery: { bytesPerSecond } };
}

/** Waits before the response header. */
export function delay(ms: number): Temperament {
  return { name: "delay", delivery: { delayMs: ms } };
}

/** Takes the request and never answers. */
export function silent(): Temperament {
  return { name: "silent", delivery: { instead: "silent" } };
}

/** Takes the request and resets the connection. */
export function reset(): Temperament {
  return { name: "reset", delivery: { instead: "reset" } };
}

/** Answers with something that is not HTTP, then ends the connection. */
export function garbage(raw = "\u0000\u0001 not HTTP at all\r\n\r\n"): Temperament {
  return { name: "garbage", delivery: { instead: { raw } } };
}

/** Holds the response header, or the body after `afterBytes` (negative: from its end), until `gate` is released. */
export function gated(gate: Gate, afterBytes?: number): Temperament {
  if (afterBytes === undefined) return { name: "gated header", delivery: { headerGate: gate } };
  return { name: "gated body", delivery: { stops: [{ afterBytes, then: gate }] } };
}

/** Does not read the body of the request until `gate` is released. */
export function unread(gate: Gate): Temperament {
  return { name: "unread", delivery: { bodyGate: gate } };
}

/** Sends so many bytes of the body, then nothing more; the connection stays open. */
export function stall(afterBytes: number): Temperament {
  return { name: "stall", delivery: { stops: [{ afterBytes, then: "stall" }] } };
}

/** Ends the connection after so many bytes of the body, under a correct Content-Length. */
export function truncate(afterBytes: number, end: "fin" | "rst" = "fin"): Temperament {
  return { name: `truncate with ${end}`, delivery: { stops: [{ afterBytes, then: end }] } };
}

/** No Content-Length: the body ends with the connection. */
export function noLength(): Temperament {
  return { name: "no length", delivery: { framing: "close" } };
}

/** No Content-Length, Transfer-Encoding: chunked. */
export function chunked(): Temperament {
  return { name: "chunked", delivery: { framing: "chunked" } };
}
