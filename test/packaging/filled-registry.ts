import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { binary, ChildProcesses, type Daemon } from "../clients/child-processes.ts";
import { FixtureBuilder } from "../clients/fixture-image.ts";
import { composeImage, oci, pushImage, type FixtureImage } from "../clients/fixture-manifests.ts";
import { startUpstreamRegistry } from "../clients/upstream-registry.ts";
import type { NetworkNamespace } from "./network-namespace.ts";

export interface FilledRegistry {
  port: number;
  pushed: FixtureImage;
  /** Starts it again, with what it holds and at the same port, in another network. */
  serve: (network: NetworkNamespace) => Daemon;
}

/** A registry that was given an image, and was ended. */
export async function filledRegistry(directory: string): Promise<FilledRegistry> {
  const processes = new ChildProcesses(directory);
  const { port, logFile } = await startUpstreamRegistry(processes, directory);
  const build = join(directory, "fixture");
  await mkdir(build);
  const pushed = composeImage("library/demo", await new FixtureBuilder(processes, build).buildContent(), oci);
  await pushImage(processes, pushed, port, join(build, "demo"));
  await processes.endAll();
  const again = ["serve", join(directory, "registry.yml")];
  const serve = (network: NetworkNamespace) => network.start(binary("docker-registry"), again, { logFile });
  return { port, pushed, serve };
}
