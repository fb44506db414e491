import { startDockerRegistry } from "../entrants/docker-registry.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { startCachingNginx, startOffloaded, startStaticNginx } from "../entrants/nginx.ts";
import { megabytesPerSecond, type LoadedOptions } from "../loaded.ts";
import { cpuPerGigabyte } from "../results.ts";
import type { Server, Stage } from "../stage.ts";
import type { Opening, OpenWorkload, Workload } from "../workload.ts";
import { openImageStage, repository } from "./content.ts";
import { goalOver, loadServers } from "./loaded-servers.ts";

/** Small ones are asked for in turn: a pull never wants the same one twice. */
const hotBlobs = 16;

export const blobWorkloads: readonly Workload[] = [
  smallBlob("blob-4k", "blob of 4 KB, warm", 4096, { registry: 40, nginx: 0.4 }),
  smallBlob("blob-100k", "blob of 100 KB, warm", 100_000, { registry: 25, nginx: 0.7 }),
  smallBlob("blob-1m", "blob of 1 MB, warm", 1_000_000, { registry: 4, nginx: 0.8 }),
  largeBlob("blob-100m", "blob of 100 MB, warm", { bytes: 100_000_000, short: 5_000_000 }),
  largeBlob("blob-1g", "blob of 1 GB, warm", { bytes: 1_000_000_000, short: 20_000_000 }),
];

function smallBlob(name: string, title: string, bytes: number, atLeast: { registry: number; nginx: number }): Workload {
  return {
    name,
    title,
    group: "small blobs",
    unit: "requests/s",
    goals: [
      goalOver("entrepot", "docker-registry", { atLeast: atLeast.registry }),
      goalOver("entrepot", "nginx", { atLeast: atLeast.nginx }),
    ],
    open: (how) => openBlobs(how, Array(hotBlobs).fill(bytes), { connections: 16, seconds: how.isShort ? 1 : 6 }),
  };
}

function largeBlob(name: string, title: string, { bytes, short }: { bytes: number; short: number }): Workload {
  const cost = { figure: "CPU per GB", pick: cpuPerGigabyte };
  return {
    name,
    title,
    group: "large blobs",
    unit: "MB/s",
    goals: [
      goalOver("entrepot", "docker-registry", { atMost: 0.8 }, cost),
      goalOver("entrepot + nginx", "nginx", { atMost: 1.2 }, cost),
    ],
    open(how) {
      const load = { connections: 4, seconds: how.isShort ? 1 : 10, value: megabytesPerSecond };
      return openBlobs(how, [how.isShort ? short : bytes], load, startOffloaded);
    },
  };
}

async function openBlobs(
  how: Opening,
  sizes: readonly number[],
  load: Omit<LoadedOptions, "assets">,
  startFurther?: (stage: Stage) => Promise<Server>,
): Promise<OpenWorkload> {
  const { stage, layers } = await openImageStage(how, sizes);
  return loadServers(stage, { assets: layers, ...load }, async () => [
    await startEntrepot(stage),
    ...(startFurther ? [await startFurther(stage)] : []),
    await startDockerRegistry(stage),
    await startStaticNginx(stage, [repository]),
    await startCachingNginx(stage),
  ]);
}
