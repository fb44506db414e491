import type { Change } from "./change.ts";
import { containerd } from "./containerd.ts";
import { crio } from "./crio.ts";
import { k3s } from "./k3s.ts";
import { removeLeftovers } from "./managed-file.ts";
import type { InstallOptions, Runtime } from "./runtime.ts";

export const runtimeNames = ["containerd", "crio", "k3s"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

export const runtimes: Readonly<Record<RuntimeName, Runtime>> = { containerd, crio, k3s };

/** Merges entrepot into the runtime's configuration in `directory`. May be done again, also after a run that was killed. */
export function install(runtime: RuntimeName, directory: string, options: InstallOptions): Change[] {
  removeLeftovers(directory);
  return runtimes[runtime].install(directory, options);
}

/** Brings back what was in `directory` before `install`, byte for byte. */
export function uninstall(runtime: RuntimeName, directory: string): Change[] {
  removeLeftovers(directory);
  return runtimes[runtime].uninstall(directory);
}
