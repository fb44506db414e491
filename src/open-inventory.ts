import type { Access } from "./access/index.ts";
import type { Cache } from "./cache/index.ts";
import type { Settings } from "./config/index.ts";
import type { Eviction } from "./eviction/index.ts";
import { Inventory, type InventoryPorts } from "./inventory/index.ts";
import type { RepositoryKey } from "./metadata/index.ts";
import { RegistryError } from "./oci/index.ts";
import type { Logger } from "./telemetry/index.ts";

interface Deciders {
  access: Access;
  cache: Cache;
  eviction: Eviction;
}

/** The inventory with what the rooms above it decide: what nobody may have is of no use to whoever has lost the upstreams. */
export function openInventory(
  settings: Settings,
  basis: Pick<InventoryPorts, "index" | "now" | "setTimer">,
  { access, cache, eviction }: Deciders,
  logger: Logger,
): Inventory {
  const configured = new Set(settings.upstreams.map(({ name }) => name));
  const refusal = ({ upstream, name }: RepositoryKey): string | undefined => {
    if (!configured.has(upstream)) return `${upstream} is not configured`;
    try {
      access.refuseRepository(upstream, name);
      return undefined;
    } catch (error) {
      if (error instanceof RegistryError) return error.message;
      throw error;
    }
  };
  return new Inventory({
    ...basis,
    policy: {
      access: settings.access.mode,
      refusal,
      isDenied: (digest) => access.isDenied(digest),
      servedUntil: (tag) => cache.servedUntil(tag.repository, tag.tag, tag),
      pinsOf: (manifest) => eviction.pinsOf(manifest),
    },
    onError: (error) => logger.error({ err: error }, "the tags that are ready to go offline could not be counted"),
  });
}
