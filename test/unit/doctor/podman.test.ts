import { describe, expect, it } from "vitest";
import { clientKinds } from "../../../src/doctor/clients/kinds.ts";
import { factsOf, filesOfSnippets, routesOf, type MachineFiles } from "./machine.ts";

const main = "/etc/containers/registries.conf";
const dropIn = `${main}.d/50-cache.conf`;

function registry({
  prefix = "docker.io",
  location = "docker.io",
  mirror = "cache:5000/docker.io",
  more = "insecure = true",
}): string {
  return `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n[[registry.mirror]]\nlocation = "${mirror}"\n${more}\n`;
}

async function hubRoute(files: MachineFiles | string, given = {}): Promise<true | string | undefined> {
  const written = typeof files === "string" ? { [dropIn]: files } : files;
  return (await routesOf("podman", written, given))["docker.io"];
}

describe("podman and CRI-O", () => {
  it("come through with the snippet as it is printed", async () => {
    for (const client of ["podman", "crio"] as const) {
      const files = { [main]: 'unqualified-search-registries = ["docker.io"]\n', ...filesOfSnippets(client) };
      expect(await routesOf(client, files)).toEqual({ "docker.io": true, "ghcr.io": true });
    }
  });

  it.each([
    ["no file", {}, /no \[\[registry\]\] has the prefix docker\.io/],
    [
      "a prefix that no image has",
      registry({ prefix: "index.docker.io" }),
      /no \[\[registry\]\] has the prefix docker\.io/,
    ],
    ["plain http without insecure", registry({ more: "" }), /no `insecure = true`/],
    ["another port", registry({ mirror: "cache:5001/docker.io" }), /leads nowhere/],
    ["another registry's path", registry({ mirror: "cache:5000/quay.io" }), /must end in \/docker\.io/],
    [
      "a scheme in the location",
      registry({ mirror: "http://cache:5000/docker.io" }),
      /with a scheme.*nothing is pulled/,
    ],
    [
      "a mirror for digests only",
      registry({ more: 'insecure = true\npull-from-mirror = "digest-only"' }),
      /digests only/,
    ],
    ["an unknown pull-from-mirror", registry({ more: 'pull-from-mirror = "tags"' }), /pull-from-mirror that is not/],
    ["TOML that does not parse", "[[registry]\n", /is not TOML.*nothing is pulled/],
    ["a registry without a location", '[[registry]]\nprefix = "docker.io"\n', /without a location/],
    ["one bracket too few", '[registry]\nprefix = "docker.io"\n', /with two brackets/],
    [
      "a certificate that is not trusted",
      registry({ mirror: "secure/docker.io", more: "" }),
      /certificate of secure is not trusted/,
    ],
    [
      "mirrors for digests only",
      registry({}).replace("[[registry.mirror]]", "mirror-by-digest-only = true\n[[registry.mirror]]"),
      /digests only/,
    ],
  ])("do not come through with %s", async (_what, files, words) => {
    expect(await hubRoute(files)).toMatch(words);
  });

  it("do not come through where a later file has another entry for the prefix, and both are named", async () => {
    const later = `${main}.d/99-site.conf`;
    const files = { [dropIn]: registry({}), [later]: '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n' };
    expect(await hubRoute(files)).toBe(
      `${later} names no mirror for docker.io (${later} replaces what ${dropIn} says)`,
    );
    expect(await hubRoute({ ...files, [`${main}.d/readme.txt`]: "[[" })).toMatch(/99-site/);
  });

  it("come through where an earlier file has another entry", async () => {
    const files = { [`${main}.d/00-site.conf`]: '[[registry]]\nlocation = "docker.io"\n', [dropIn]: registry({}) };
    expect(await hubRoute(files)).toBe(true);
  });

  it("refuse the old form beside the new one", async () => {
    const old = '[registries.search]\nregistries = ["docker.io"]\n';
    expect(await hubRoute({ [main]: old + registry({}) })).toMatch(/mixes the old form/);
    expect(await hubRoute({ [main]: "", [dropIn]: old })).toMatch(/mixes the old form/);
    expect(await hubRoute({ [main]: old })).toMatch(/no \[\[registry\]\] has the prefix/);
  });

  it("come through where the registry itself is blocked, as its mirror is not", async () => {
    const blocked = registry({}).replace("[[registry.mirror]]", "blocked = true\n[[registry.mirror]]");
    expect(await hubRoute(blocked)).toBe(true);
    expect(await hubRoute('[[registry]]\nlocation = "docker.io"\nblocked = true\n')).toMatch(/names no mirror/);
  });

  it("read a user's own file in the place of the system's", async () => {
    const own = "/home/somebody/.config/containers/registries.conf";
    expect(await hubRoute({ [main]: registry({}), [own]: "" })).toMatch(/no \[\[registry\]\]/);
  });

  it("come through by the default upstream without a path, and by a location that is entrepot itself", async () => {
    expect(await hubRoute(registry({ mirror: "cache:5000" }))).toBe(true);
    expect(await hubRoute(registry({ mirror: "cache:5000" }), { defaultUpstream: "ghcr.io" })).toMatch(/must end in/);
    const itself = '[[registry]]\nprefix = "docker.io"\nlocation = "cache:5000/docker.io"\ninsecure = true\n';
    expect(await hubRoute(itself)).toBe(true);
  });

  it("come through by https with a CA in its place, or by calling it insecure", async () => {
    const text = registry({ mirror: "secure/docker.io", more: "" });
    expect(await hubRoute({ [dropIn]: text, "/etc/containers/certs.d/secure/ca.crt": "PEM" })).toBe(true);
    expect(await hubRoute(registry({ mirror: "secure/docker.io" }))).toBe(true);
  });

  it("say which part of a registry a narrower prefix takes away", async () => {
    const narrower = '[[registry]]\nprefix = "docker.io/library"\nlocation = "docker.io/library"\n';
    const { findings, routes } = await clientKinds.podman.read(factsOf({ [dropIn]: registry({}) + narrower }));
    expect(routes[0]?.comesThrough).toBe(true);
    expect(findings.find(({ verdict }) => verdict === "warning")?.says).toMatch(
      /^what is below docker\.io\/library does not/,
    );
  });

  it("need a login where entrepot asks for one", async () => {
    const basic = { access: { mode: "basic", hasAnonymousRule: false } } as const;
    expect(await hubRoute(registry({}), basic)).toMatch(/401.*podman login cache:5000/);
  });
});
