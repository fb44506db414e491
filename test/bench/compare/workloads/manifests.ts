import { startDockerRegistry } from "../entrants/docker-registry.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { startExpress } from "../entrants/express.ts";
import { startCachingNginx, startStaticNginx } from "../entrants/nginx.ts";
import type { LoadedOptions } from "../loaded.ts";
import type { Asset } from "../warming.ts";
import type { Opening, OpenWorkload, Workload } from "../workload.ts";
import { openImageStage, repository, type ImageStage } from "./content.ts";
import { goalOver, loadServers } from "./loaded-servers.ts";

const layerBytes = Array.from({ length: 6 }, (_, at) => 1000 + at);

/** So many that no two of the connections ask for the same one at once: each request is a check of its own. */
const checkedTags = 64;

const overRegistry = (atLeast: number) => goalOver("entrepot", "docker-registry", { atLeast });
const overExpress = (atLeast: number) => goalOver("entrepot", "Express", { atLeast });

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

async function openManifests(how: Opening, asks: (content: ImageStage) => Asset[]): Promise<OpenWorkload> {
  const content = await openImageStage(how, layerBytes);
  const { stage, image } = content;
  const assets = asks(content);
  const route = { paths: assets.map(({ path }) => path), mediaType: image.mediaType, body: image.manifest };
  return loadServers(stage, loadOf(how, assets), async () => [
    await startEntrepot(stage, { tags: { freshFor: "1d" } }),
    await startDockerRegistry(stage),
    await startExpress(stage, route),
    await startStaticNginx(stage, [repository]),
    await startCachingNginx(stage),
  ]);
}

async function openChecked(how: Opening): Promise<OpenWorkload> {
  const { stage, byTag } = await openImageStage(how, layerBytes, checkedTags);
  return loadServers(stage, loadOf(how, byTag), async () => [
    await startEntrepot(stage, { tags: { freshFor: "0s" } }),
    await startDockerRegistry(stage),
  ]);
}

function loadOf({ isShort }: Opening, assets: readonly Asset[]): LoadedOptions {
  return { assets, connections: 16, seconds: isShort ? 1 : 6 };
}
