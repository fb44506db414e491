import { onTestFinished } from "vitest";
import { Inventory, type ImagePage, type ImageQuery, type Policy } from "../../../src/inventory/index.ts";
import type { RepositoryKey } from "../../../src/metadata/index.ts";
import { parseImageName } from "../../../src/oci/index.ts";
import { MiB, World, type ImageOptions } from "../eviction/world.ts";

/** An inventory over a real index, with a policy that a test may change. */
export interface Shelf {
  world: World;
  inventory: Inventory;
  policy: Policy;
  /** A page of the list, by name unless it is said. */
  images: (query?: Partial<ImageQuery>) => Promise<ImagePage>;
  names: (query?: Partial<ImageQuery>) => Promise<string[]>;
  /** An image with a config, of which everything has been fetched but `lacks`. */
  put: (name: string, options?: Omit<ImageOptions, "config">) => Promise<void>;
}

export async function openShelf(): Promise<Shelf> {
  const world = await World.open();
  const policy: Policy = {
    access: "open",
    refusal: () => undefined,
    isDenied: () => false,
    servedUntil: () => Infinity,
    pinsOf: (manifest) => world.eviction.pinsOf(manifest),
  };
  const inventory = new Inventory({
    index: world.index,
    policy,
    now: () => world.clock.now(),
    setTimer: (ms, action) => world.clock.setTimer(ms, action),
    onError(error) {
      throw error;
    },
  });
  onTestFinished(() => inventory.close());
  const images: Shelf["images"] = (query = {}) =>
    inventory.images({ sort: "name", isDescending: false, limit: 100, ...query });
  return {
    world,
    inventory,
    policy,
    images,
    names: async (query) => (await images(query)).items.map(({ image }) => image),
    put: (name, { layers = { [`layer of ${name}`]: 2 * MiB }, ...rest } = {}) => {
      const config = `config of ${name}`;
      return world.putImage(name, { layers: { [config]: 500, ...layers }, config, ...rest });
    },
  };
}

/** The repository of a name such as `ghcr.io/team/app`. */
export function repositoryOf(text: string): RepositoryKey {
  const { upstream, repository } = parseImageName(`${text}:any`);
  return { upstream, name: repository };
}
