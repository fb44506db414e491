/** Points the container runtime of a node at this instance, beside what is configured there, and takes that back. */
export type { Change } from "./change.ts";
export type { InstallOptions } from "./runtime.ts";
export { install, runtimeNames, runtimes, uninstall, type RuntimeName } from "./runtimes.ts";
