import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { install, uninstall } from "../../../src/installer/index.ts";
import { nodeDirectory, snapshot, texts } from "./node-files.ts";

const address = "http://127.0.0.1:5000";
const options = { address, dialTimeout: "1s", registries: ["docker.io", "ghcr.io", "quay.io"] };

describe("pointing k3s at entrepot", () => {
  it("makes a file for every registry, and removes it again", () => {
    const root = nodeDirectory({});
    install("k3s", root, options);
    expect(parse(texts(root)["registries.yaml"] ?? "")).toEqual({ mirrors: { "*": { endpoint: [address] } } });
    expect(install("k3s", root, options)).toMatchObject([{ what: "unchanged" }]);
    uninstall("k3s", root);
    expect(snapshot(root)).toEqual({});
  });

  it("puts itself in front of what is there, keeps remarks and all else, and brings it back", () => {
    const root = nodeDirectory({
      "registries.yaml":
        `mirrors: # ours\n  docker.io:\n    endpoint:\n      - "https://mirror.corp" # the team's\n` +
        `  corp.example:\n    endpoint: ["https://corp.example"]\nconfigs:\n  mirror.corp: { auth: { username: me } }\n`,
    });
    const before = snapshot(root);
    install("k3s", root, options);
    const after = texts(root)["registries.yaml"] ?? "";
    expect(parse(after)).toEqual({
      mirrors: {
        "docker.io": { endpoint: [address, "https://mirror.corp"] },
        "corp.example": { endpoint: ["https://corp.example"] },
        "*": { endpoint: [address] },
      },
      configs: { "mirror.corp": { auth: { username: "me" } } },
    });
    expect(after).toContain("# the team's");
    uninstall("k3s", root);
    expect(snapshot(root)).toEqual(before);
  });

  it("does not put itself behind a rewrite, and says so", () => {
    const text = `mirrors:\n  docker.io: { endpoint: ["https://m"], rewrite: { "^(.*)$": "hub/$1" } }\n`;
    const root = nodeDirectory({ "registries.yaml": text });
    expect(install("k3s", root, options)).toMatchObject([{ what: "written" }, { what: "left", isProblem: true }]);
    expect(parse(texts(root)["registries.yaml"] ?? "")).toEqual({
      mirrors: {
        "docker.io": { endpoint: ["https://m"], rewrite: { "^(.*)$": "hub/$1" } },
        "*": { endpoint: [address] },
      },
    });
  });

  it.each([
    ["no YAML", "mirrors: ["],
    ["a list", "- mirrors\n"],
    ["mirrors that are a list", "mirrors: []\n"],
  ])("leaves a file alone that is %s", (_, text) => {
    const root = nodeDirectory({ "registries.yaml": text });
    const before = snapshot(root);
    expect(install("k3s", root, options)).toMatchObject([{ what: "left", isProblem: true }]);
    expect(snapshot(root)).toEqual(before);
  });

  it("leaves a file alone that points here already", () => {
    const root = nodeDirectory({ "registries.yaml": `mirrors:\n  "*": { endpoint: ["${address}"] }\n` });
    expect(install("k3s", root, options)).toMatchObject([{ what: "left", isProblem: false }]);
  });
});
