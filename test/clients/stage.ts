// What all client tests stand on: fixture images in a real registry, a counting proxy before it, entrepot before that.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcesses } from "./child-processes.ts";
import { CountingProxy } from "./counting-proxy.ts";
import { EntrepotProcess } from "./entrepot-process.ts";
import { FixtureBuilder, incompressible } from "./fixture-image.ts";
import { composeImage, docker, oci, pushImage, type FixtureImage } from "./fixture-manifests.ts";
import { startUpstreamRegistry } from "./upstream-registry.ts";

export interface Stage {
  readonly cache: EntrepotProcess;
  readonly upstream: CountingProxy;
  /** OCI, two platforms, five layers each. */
  readonly demo: FixtureImage;
  /** OCI, the layers of `demo` and one more. */
  readonly extended: FixtureImage;
  /** The content of `demo` as Docker manifest list and schema 2. */
  readonly schema2: FixtureImage;
  readonly logFiles: readonly string[];
  /** An empty cache, a running upstream, nothing counted. */
  readonly reset: () => Promise<void>;
}

export async function buildStage(processes: ChildProcesses, directory: string): Promise<Stage> {
  const build = join(directory, "fixture");
  mkdirSync(build, { recursive: true });
  const registry = await startUpstreamRegistry(processes, directory);
  const builder = new FixtureBuilder(processes, build);
  const content = await builder.buildContent();
  const onTop = await builder.extend(content, { "opt/on-top": incompressible(1024 * 1024, "on top") });
  const demo = composeImage("library/demo", content, oci);
  const extended = composeImage("library/extended", onTop, oci);
  const schema2 = composeImage("library/schema2", content, docker);
  for (const image of [demo, extended, schema2]) {
    await pushImage(processes, image, registry.port, join(build, image.repository));
  }
  const upstream = new CountingProxy(registry.port);
  await upstream.start();
  const cache = await EntrepotProcess.create(processes, join(directory, "entrepot"), upstream.port);
  return {
    cache,
    upstream,
    demo,
    extended,
    schema2,
    logFiles: [cache.logFile, registry.logFile],
    reset: async () => {
      await cache.stop();
      await upstream.start();
      upstream.pace(Infinity);
      upstream.spoil(undefined);
      await cache.startCold();
      upstream.forget();
    },
  };
}
