/** Who may pull what: tokens of our own, users with passwords, rules, verdicts of upstreams. One decision for every kind of request. */
export { tokenPath } from "./challenges.ts";
export { createAccess, type Access, type AccessPorts, type AccessSettings, type Viewer } from "./create-access.ts";
export type { ClientCredentials, Principal } from "./principal.ts";
export type { AccessTarget } from "./target.ts";
export type { TokenDocument } from "./token-service.ts";
