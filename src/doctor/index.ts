/** Looks whether this instance is well, and whether a client's pulls come through it. Changes nothing. */
export { AddressUnknown } from "./clients/address.ts";
export { examineClient, type ClientOptions, type ClientReport } from "./clients/examine-client.ts";
export { clientNames, type ClientName } from "./clients/kinds.ts";
export { isHealthy, type Finding, type Verdict } from "./finding.ts";
export { parseReadings, type Readings } from "./instance/readings.ts";
