/** What is not cached: pushes, where an upstream takes them, go there with the client's own credentials. */
export { createPassthrough, type Passthrough, type PassthroughPorts } from "./passthrough.ts";
export type { Push, PushAnswer } from "./push.ts";
