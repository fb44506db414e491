import { TestUpstream, type UpstreamOptions } from "./test-upstream.ts";

/** The in-memory registry that stands in for upstream registries. Nothing in `src/` may import it. */
export function startUpstream(options: UpstreamOptions = {}): Promise<TestUpstream> {
  return TestUpstream.start(options);
}

export { createGate } from "./gate.ts";
export { startTlsFront, type TlsFront } from "./tls-front.ts";
export { readPayload, seededBlob, seededBytes } from "./payload.ts";
export * as temperaments from "./temperaments.ts";
export type { Gate } from "./gate.ts";
export type { ImageOptions, PushedImage, PushedImageIndex } from "./images.ts";
export type { Misbehaviour, MisbehaviourRule } from "./misbehaviour.ts";
export type { Payload } from "./payload.ts";
export type { LoggedRequest, RequestFilter, RequestKind, RequestLog } from "./request-log.ts";
export type { Temperament } from "./temperament.ts";
export type { TestUpstream, UpstreamOptions } from "./test-upstream.ts";
