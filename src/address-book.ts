import type { Settings } from "./config/index.ts";
import type { AddressBook } from "./registry/index.ts";

/** What names of registries mean, by the configuration. */
export function addressBook(settings: Settings): AddressBook {
  return {
    upstreams: settings.upstreams.map(({ name }) => name),
    defaultUpstream: settings.defaultUpstream,
    hostnames: new Map(
      settings.upstreams.flatMap(({ name, hostnames }) => hostnames.map((host) => [host, name] as const)),
    ),
  };
}
