import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { install, uninstall } from "../../../src/installer/index.ts";
import { nodeDirectory, snapshot, texts } from "./node-files.ts";

const options = { address: "http://127.0.0.1:5000", dialTimeout: "1s", registries: ["docker.io", "corp.example:5443"] };
const own = "registries.conf.d/99-entrepot.conf";
const ours = (path: string) => ({ location: `127.0.0.1:5000/${path}`, insecure: true });

function entries(root: string): unknown {
  return parse(texts(root)[own] ?? "")["registry"];
}

describe("pointing CRI-O and podman at entrepot", () => {
  it("writes a drop-in with a mirror for each registry, its name in the path", () => {
    const root = nodeDirectory({});
    install("crio", root, options);
    expect(entries(root)).toEqual([
      { prefix: "docker.io", location: "docker.io", mirror: [ours("docker.io")] },
      { prefix: "corp.example:5443", location: "corp.example:5443", mirror: [ours("corp.example_5443")] },
    ]);
    uninstall("crio", root);
    expect(snapshot(root)).toEqual({});
  });

  it("repeats what earlier files say of a registry, with its own mirror in front, and touches none of them", () => {
    const root = nodeDirectory({
      "registries.conf": `unqualified-search-registries = ["docker.io"]\n[[registry]]\nlocation = "docker.io"\nblocked = true\n`,
      "registries.conf.d/10-corp.conf": `[[registry]]\nprefix = "docker.io"\nlocation = "hub.corp"\n[[registry.mirror]]\nlocation = "mirror.corp"\npull-from-mirror = "digest-only"\n`,
    });
    const before = snapshot(root);
    install("crio", root, options);
    expect(entries(root)).toEqual([
      {
        prefix: "docker.io",
        location: "hub.corp",
        mirror: [ours("docker.io"), { location: "mirror.corp", "pull-from-mirror": "digest-only" }],
      },
      { prefix: "corp.example:5443", location: "corp.example:5443", mirror: [ours("corp.example_5443")] },
    ]);
    expect(install("crio", root, options).map(({ what }) => what)).toEqual(["unchanged"]);
    expect(uninstall("crio", root).map(({ what }) => what)).toEqual(["removed"]);
    expect(snapshot(root)).toEqual(before);
  });

  it("says where a later file has the last word", () => {
    const root = nodeDirectory({ "registries.conf.d/zz.conf": `[[registry]]\nlocation = "docker.io"\n` });
    const changes = install("crio", root, options);
    expect(changes.filter(({ isProblem }) => isProblem)).toHaveLength(1);
    expect(entries(root)).toMatchObject([{ prefix: "corp.example:5443" }]);
  });

  it.each([
    ["is no TOML", "registry = ["],
    ["has the old form", `[registries.search]\nregistries = ["docker.io"]\n`],
  ])("adds nothing to a configuration that %s", (_, text) => {
    const root = nodeDirectory({ "registries.conf": text });
    const before = snapshot(root);
    expect(install("crio", root, options)).toMatchObject([{ what: "left", isProblem: true }]);
    expect(snapshot(root)).toEqual(before);
  });
});
