import { startDockerRegistry } from "../entrants/docker-registry.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { startExpress } from "../entrants/express.ts";
import { startCachingNginx, startStaticNginx } from "../entrants/nginx.ts";
import { loadedEntrant } from "../loaded.ts";
import { ratioOf } from "../results.ts";
import type { Server } from "../stage.ts";
import { warm, type Asset } from "../warming.ts";
import type { Goal, Opening, OpenWorkload, Workload } from "../workload.ts";
import { openImageStage, repository, type ImageStage } from "./content.ts";

const connections = 16;
const layerBytes = Array.from({ length: 6 }, (_, at) => 1000 + at);

/** So many that no two of the connections ask for the same one at once: each request is a check of its own. */
const checkedTags = 64;

const express = "Express";
const registry = "docker-registry";

export const manifestWorkloads: readonly Workload[] = [
  {
    name: "tag-fresh",
    title: "manifest by tag, fresh",
    group: "manifests",
    unit: "requests/s",
    goals: [overRegistry(60), overExpress(0.8)],
    open: (how) => openManifests(how, ({ byTag }) => byTag),
  },
  {
    name: "tag-checked",
    title: "manifest by tag, the upstream asked each time (freshFor: 0)",
    group: "manifests",
    unit: "requests/s",
    goals: [overRegistry(4)],
    open: openChecked,
  },
  {
    name: "digest",
    title: "manifest by digest, warm",
    group: "manifests",
    unit: "requests/s",
    goals: [overRegistry(25), overExpress(0.8)],
    open: (how) => openManifests(how, ({ byDigest }) => [byDigest]),
  },
];

function overRegistry(atLeast: number): Goal {
  return { words: `entrepot over ${registry}`, of: (results) => ratioOf(results, "entrepot", registry), atLeast };
}

function overExpress(atLeast: number): Goal {
  const words = "entrepot over the bare Express route";
  return { words, of: (results) => ratioOf(results, "entrepot", express), atLeast };
}

async function openManifests(how: Opening, asks: (content: ImageStage) => Asset[]): Promise<OpenWorkload> {
  const content = await openImageStage(how, layerBytes);
  return loaded(content, how, asks(content), async ({ stage, image: { mediaType, manifest } }) => [
    await startEntrepot(stage, { tags: { freshFor: "1d" } }),
    await startDockerRegistry(stage),
    await startExpress(stage, { paths: asks(content).map(({ path }) => path), mediaType, body: manifest }),
    await startStaticNginx(stage, [repository]),
    await startCachingNginx(stage),
  ]);
}

async function openChecked(how: Opening): Promise<OpenWorkload> {
  const content = await openImageStage(how, layerBytes, checkedTags);
  return loaded(content, how, content.byTag, async ({ stage }) => [
    await startEntrepot(stage, { tags: { freshFor: "0s" } }),
    await startDockerRegistry(stage),
  ]);
}

async function loaded(
  content: ImageStage,
  { isShort }: Opening,
  assets: Asset[],
  start: (content: ImageStage) => Promise<Server[]>,
): Promise<OpenWorkload> {
  const { stage } = content;
  const close = (): Promise<void> => stage.close();
  try {
    const servers = await start(content);
    for (const server of servers) await warm(server, stage, assets);
    const options = { assets, connections, seconds: isShort ? 1 : 6 };
    return { entrants: servers.map((server) => loadedEntrant(server, stage, options)), close };
  } catch (error) {
    await close();
    throw error;
  }
}
