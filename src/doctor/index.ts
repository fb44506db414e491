/** Looks whether this instance is well, and whether a client's pulls come through it. Changes nothing. */
export { AddressUnknown } from "./clients/address.ts";
export { examineClient, type ClientReport } from "./clients/examine-client.ts";
export { clientNames, type ClientName } from "./clients/kinds.ts";
export { examine } from "./examine.ts";
export { findingsOf, isHealthy, type Finding, type Verdict } from "./finding.ts";
export { parseReadings, type Readings } from "./instance/readings.ts";
export type { InstancePort } from "./instance/running-instance.ts";
