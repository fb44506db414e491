/** The `/v2/` face: bytes of the request to a typed route; headers, ranges, conditionals, errors. */
export type { AddressBook } from "./addressing.ts";
export { ClientLimits, type ClientLimitSettings } from "./client-limits.ts";
export { createPullListener, type PullListenerOptions } from "./create-pull-listener.ts";
export { createOffload, type Offload } from "./offload.ts";
export { createPullServer, drainServer, type PullServerLimits } from "./pull-server.ts";
