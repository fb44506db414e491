import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRepositoryName, RegistryError, type RepositoryName } from "../../src/oci/index.ts";
import { resolveAddress, type Address, type AddressBook } from "../../src/registry/addressing.ts";

const upstreams = ["docker.io", "ghcr.io", "corp.example:5443", "corp.example", "localhost:5000", "intranet"];
const hub = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const part = fc.constantFrom(
  ...["docker.io", "index.docker.io", "registry-1.docker.io", "ghcr.io", "corp.example_5443", "corp.example"],
  ...["localhost_5000", "intranet", "library", "alpine", "org", "gcr.io", "app.js", "a_b", "library.io"],
);
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/") as RepositoryName);
const ns = fc.oneof(
  fc.constantFrom(...upstreams, ...hub, "GHCR.IO", "gcr.io", ""),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const book: fc.Arbitrary<AddressBook> = fc
  .subarray(upstreams, { minLength: 1 })
  .chain((configured) =>
    fc
      .constantFrom(...configured)
      .map((first) => ({ upstreams: configured, defaultUpstream: first, hostnames: new Map() })),
  );
const request = fc.record({ name, ns: fc.option(ns, { nil: undefined }), isBound: fc.boolean() });

interface Asked {
  name: RepositoryName;
  ns: string | undefined;
  bound: string | undefined;
}

function addressOf(addresses: AddressBook, asked: Asked): Address | RegistryError {
  try {
    return resolveAddress(addresses, asked);
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}

/** Every request there may be, with its answer. */
function forAll(check: (addresses: AddressBook, asked: Asked, address: Address) => void): void {
  fc.assert(
    fc.property(book, request, (addresses, { name: asked, ns: namespace, isBound }) => {
      const bound = isBound ? addresses.upstreams.at(-1) : undefined;
      const all = { name: asked, ns: namespace, bound };
      const address = addressOf(addresses, all);
      if (address instanceof RegistryError) expect(["NAME_UNKNOWN", "NAME_INVALID"]).toContain(address.code);
      else check(addresses, all, address);
    }),
    { numRuns: 5000 },
  );
}

describe("addressing", () => {
  test("gives a configured upstream and a valid repository, or refuses, whatever is asked", () => {
    forAll((addresses, _, { upstream, repository }) => {
      expect(addresses.upstreams).toContain(upstream);
      expect(parseRepositoryName(repository)).toBe(repository);
    });
  });

  test("lets `ns` choose the registry it names and no other", () => {
    forAll((_, asked, { upstream }) => {
      if (asked.ns === undefined) return;
      const named = asked.ns.toLowerCase();
      expect(hub.includes(named) ? "docker.io" : named).toBe(upstream);
    });
  });

  test("never leaves the upstream that the address is bound to", () => {
    forAll((_, asked, { upstream }) => {
      if (asked.bound !== undefined) expect(upstream).toBe(asked.bound);
    });
  });

  test("takes away at most one leading part, a registry's name, and adds at most `library/`", () => {
    forAll((_, asked, { upstream, repository }) => {
      const [first = "", ...rest] = asked.name.split("/");
      const isPrefix = [upstream, upstream.replace(":", "_"), ...(upstream === "docker.io" ? hub : [])].includes(first);
      const possible = [asked.name, ...(isPrefix && rest.length > 0 ? [rest.join("/")] : [])];
      expect([...possible, ...(upstream === "docker.io" ? possible.map((text) => `library/${text}`) : [])]).toContain(
        repository,
      );
    });
  });

  test("never gives a name whose first part has a dot to another registry than that one, without `ns` or binding", () => {
    forAll((_, asked, { upstream }) => {
      const [first = ""] = asked.name.split("/");
      if (asked.ns !== undefined || asked.bound !== undefined || !first.includes(".")) return;
      expect([upstream.replace(":", "_"), ...(upstream === "docker.io" ? hub : [])]).toContain(first);
    });
  });
});
