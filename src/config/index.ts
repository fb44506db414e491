/** The configuration: loaded from flags, environment and file, checked as a whole, frozen, printed without secrets. */
export * from "./errors.ts";
export {
  dockerServer,
  DockerConfigInvalid,
  findDockerCredential,
  registryHosts,
  type DockerCredential,
} from "./docker-config.ts";
export { changedPaths } from "./changed-paths.ts";
export { takeLiveSettings } from "./live.ts";
export { formatSettings } from "./format-settings.ts";
export { parseHtpasswd } from "./htpasswd.ts";
export { formatListenAddress, pathForm, type ListenAddress } from "./hosts.ts";
export { ownPeer, readServerIdentity, validityFault } from "./server-tls.ts";
export { loadSettings, type SettingsSource } from "./load-settings.ts";
export { parseDuration, parseSize, type Amount } from "./quantities.ts";
export type * from "./settings.ts";
