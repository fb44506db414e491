import { parseRepositoryName, type RepositoryName } from "../../../src/oci/index.ts";
import { resolveAddress, type AddressBook } from "../../../src/registry/addressing.ts";

/** The upstreams of the tests: with and without ports, with and without dots. */
export const book: AddressBook = {
  upstreams: [
    "docker.io",
    "ghcr.io",
    "quay.io",
    "registry.corp.example:5443",
    "registry.corp.example",
    "localhost:5000",
    "intranet",
  ],
  defaultUpstream: "docker.io",
  hostnames: new Map([
    ["hub.cache.example", "docker.io"],
    ["ghcr.cache.example", "ghcr.io"],
  ]),
};

function repository(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (!name) throw new Error(`${text} is no repository name`);
  return name;
}

/** `<upstream> <repository>` that a request means. */
export function meant(
  name: string,
  { ns, bound, ...others }: Partial<AddressBook> & { ns?: string; bound?: string } = {},
): string {
  const address = resolveAddress({ ...book, ...others }, { name: repository(name), ns, bound });
  return `${address.upstream} ${address.repository}`;
}
