import { describe, expect, it } from "vitest";
import { clientKinds } from "../../../src/doctor/clients/kinds.ts";
import { factsOf, filesOfSnippets, routesOf, type MachineFiles } from "./machine.ts";

const file = "/etc/containerd/config.toml";
const root = "/etc/containerd/certs.d";
const config = `version = 2
[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "registry.k8s.io/pause:3.9"
    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = "${root}"
`;
const hosts = '[host."http://cache:5000"]\n  capabilities = ["pull", "resolve"]\n';
const right: MachineFiles = { [file]: config, [`${root}/_default/hosts.toml`]: hosts };

async function withHosts(text: string, given = {}): Promise<true | string | undefined> {
  return (await routesOf("containerd", { [file]: config, [`${root}/_default/hosts.toml`]: text }, given))["docker.io"];
}

describe("containerd", () => {
  it("comes through with the snippets as they are printed", async () => {
    expect(await routesOf("containerd", filesOfSnippets("containerd"))).toEqual({ "docker.io": true, "ghcr.io": true });
  });

  it("comes through with a directory for one registry, and the others past it", async () => {
    const files = {
      [file]: config,
      [`${root}/docker.io/hosts.toml`]: `server = "https://registry-1.docker.io"\n${hosts}`,
    };
    expect(await routesOf("containerd", files)).toEqual({
      "docker.io": true,
      "ghcr.io": `${root} has nothing for ghcr.io`,
    });
  });

  it("reads version 3, version 1, and imported files, of which the last takes a whole plugin's place", async () => {
    const table = (plugin: string): string => `[plugins.${plugin}.registry]\nconfig_path = "${root}"\n`;
    const three = `version = 3\n${table('"io.containerd.cri.v1.images"')}`;
    for (const text of [three, table("cri")])
      expect(await routesOf("containerd", { ...right, [file]: text })).toMatchObject({ "docker.io": true });
    const imported = {
      ...right,
      [file]: `imports = ["/etc/containerd/conf.d/*.toml"]\n${config}`,
      "/etc/containerd/conf.d/10-gpu.toml": 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd]\nx = 1\n',
    };
    expect((await routesOf("containerd", imported))["docker.io"]).toMatch(/^is not set/);
  });

  it("looks in every directory of config_path, in their order", async () => {
    const files = { ...right, [file]: config.replace(root, `/nowhere:${root}`) };
    expect(await routesOf("containerd", files)).toMatchObject({ "docker.io": true });
  });

  it.each([
    ["no config.toml", { [file]: undefined }, /^is not set/],
    ["config_path unset", { [file]: "version = 2\n" }, /^is not set: hosts\.toml is not read/],
    ["config_path unset in version 3", { [file]: "version = 3\n" }, /^is not set.*2\.1 and newer/],
    ["no version", { [file]: config.replace("version = 2\n", "") }, /has no `version = 2`/],
    ["a config.toml that does not parse", { [file]: `${config}[plugins` }, /is not TOML: line \d+.*does not start/],
    [
      "mirrors beside config_path",
      {
        [file]: `${config}[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]\nendpoint = ["http://cache:5000"]\n`,
      },
      /both set/,
    ],
    ["a config_path that is not there", { [file]: config.replace(root, "/nowhere") }, /has nothing for docker\.io/],
    [
      "a directory that hides _default",
      { [`${root}/docker.io/ca.crt`]: "PEM" },
      /no hosts\.toml, and it hides _default/,
    ],
    [
      "an unparsable hosts.toml",
      { [`${root}/_default/hosts.toml`]: '[host."http://cache:5000"\n' },
      /is not TOML.*goes past it/,
    ],
    ["an unparsable one that hides a good one", { [`${root}/docker.io/hosts.toml`]: "[[" }, /and it hides _default/],
  ])("does not come through with %s", async (_what, changed, words) => {
    const files = Object.entries({ ...right, ...changed } as Record<string, string | undefined>).flatMap(
      ([path, text]) => (text === undefined ? [] : [[path, text] as const]),
    );
    expect((await routesOf("containerd", Object.fromEntries(files)))["docker.io"]).toMatch(words);
  });

  it.each([
    ["another port", '[host."http://cache:5001"]', /leads nowhere/],
    ["https for plain http", '[host."https://cache:5000"]', /speaks plain http/],
    ["no scheme, which means https", '[host."cache:5000"]', /speaks plain http/],
    ["capabilities without resolve", '[host."http://cache:5000"]\ncapabilities = ["pull"]', /without "resolve"/],
    ["capabilities without pull", '[host."http://cache:5000"]\ncapabilities = ["resolve"]', /without "pull"/],
    [
      "an unknown capability",
      '[host."http://cache:5000"]\ncapabilities = ["pull", "resolv"]',
      /unknown capability resolv/,
    ],
    ["a path, behind which containerd puts /v2", '[host."http://cache:5000/docker.io"]', /asked for \/docker\.io\/v2/],
    ["override_path without a path", '[host."http://cache:5000"]\noverride_path = true', /the path must be \/v2/],
    ["another registry's path", '[host."http://cache:5000/v2/quay.io"]\noverride_path = true', /serves nothing/],
    ["a certificate that is not trusted", '[host."https://secure"]', /not trusted: name its `ca`/],
    [
      "a server alone, whoever it is",
      'server = "http://cache:5000"',
      /no \[host\], which containerd 1\.6 takes for nothing/,
    ],
    [
      "another host and another server",
      'server = "https://a.invalid"\n[host."https://b.invalid"]',
      /b\.invalid leads nowhere.*a\.invalid leads nowhere/,
    ],
    ["no host at all", "# later\nx = 1", /names no mirror/],
  ])("does not come through with %s", async (_what, text, words) => {
    expect(await withHosts(text)).toMatch(words);
  });

  it.each([
    ["its default capabilities", '[host."http://cache:5000"]'],
    ["a path that ends in /v2", '[host."http://cache:5000/v2"]'],
    ["the registry's own path", '[host."http://cache:5000/v2/docker.io"]\noverride_path = true'],
    ["skip_verify", '[host."https://secure"]\nskip_verify = true'],
    ["a ca", '[host."https://secure"]\nca = "/etc/ssl/cache.pem"'],
    ["entrepot as the server behind another host", 'server = "http://cache:5000"\n[host."http://elsewhere:1"]'],
    ["another mirror before it", '[host."http://elsewhere:1"]\n[host."http://cache:5000"]'],
  ])("comes through with %s", async (_what, text) => {
    expect(await withHosts(text)).toBe(true);
  });

  it("goes past an instance that asks for a password, unless the file has one", async () => {
    const basic = { access: { mode: "basic", hasAnonymousRule: false } } as const;
    const header = `${hosts}[host."http://cache:5000".header]\n  Authorization = "Basic bWU6aHVudGVyMg=="\n`;
    expect(await withHosts(hosts, basic)).toMatch(/401/);
    expect(await withHosts(header, basic)).toBe(true);
  });

  it("never shows what is in a header, not even where the file does not parse", async () => {
    const text = `${hosts}[host."http://cache:5000".header]\n  Authorization = Basic hunter2\n`;
    const reading = await clientKinds.containerd.read(
      factsOf({ [file]: config, [`${root}/_default/hosts.toml`]: text }),
    );
    expect(JSON.stringify(reading)).toContain("is not TOML");
    expect(JSON.stringify(reading)).not.toContain("hunter2");
  });

  it("takes mirrors of the old form where there is no config_path", async () => {
    const mirrors = (name: string): string =>
      `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."${name}"]\nendpoint = ["http://cache:5000"]\n`;
    expect(await routesOf("containerd", { [file]: mirrors("*") })).toEqual({ "docker.io": true, "ghcr.io": true });
    expect(await routesOf("containerd", { [file]: mirrors("docker.io") })).toEqual({
      "docker.io": true,
      "ghcr.io": "names no endpoint for ghcr.io",
    });
  });

  it("finds the directory of a registry with a port under each of its names", async () => {
    const given = { upstreams: ["registry.corp:5443"] };
    for (const name of ["registry.corp_5443_", "registry.corp:5443", "registry.corp"]) {
      const files = { ...right, [`${root}/${name}/`]: "" };
      expect((await routesOf("containerd", files, given))["registry.corp:5443"]).toMatch(
        `${root}/${name} holds no hosts.toml`,
      );
    }
  });
});
