/** Who may pull what: tokens of our own, users with passwords, rules. One decision, asked for every kind of request. */
export { tokenPath } from "./challenges.ts";
export {
  createAccess,
  type Access,
  type AccessPorts,
  type AccessSettings,
  type AccessTarget,
} from "./create-access.ts";
export type { ClientCredentials, Principal } from "./principal.ts";
export type { TokenDocument } from "./token-service.ts";
