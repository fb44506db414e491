/** The client of other registries: challenge, token, redirect, resume. Knows nothing of the cache. */
export { createUpstream } from "./create-upstream.ts";
export * from "./examiner.ts";
export * from "./errors.ts";
export type {
  Credentials,
  CredentialOrigin,
  CredentialSettings,
  RequestKind,
  UpstreamLimits,
  UpstreamObserver,
  UpstreamSettings,
} from "./settings.ts";
export type { ParentSaid } from "./parents.ts";
export { createPushGate, type PushDestination, type PushGate } from "./pushing/push-gate.ts";
export type { Authorization } from "./authorization/authorizer.ts";
export type { Pusher, PushScope } from "./pushing/push-authorizer.ts";
export { unlimitedQuota, type Quota } from "./quota.ts";
export * from "./upstream.ts";
