import type { Change } from "./change.ts";

export interface InstallOptions {
  /** How the node reaches entrepot: `http://127.0.0.1:5000`. */
  address: string;
  /** How long containerd waits for a connection before it asks the next, as Go writes durations: `1s`. */
  dialTimeout: string;
  /** The registries that entrepot knows, as image names write them. */
  registries: readonly string[];
}

export interface Runtime {
  /** Where its configuration usually is. */
  directory: string;
  install: (directory: string, options: InstallOptions) => Change[];
  uninstall: (directory: string) => Change[];
}
