import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { install, uninstall } from "../../../src/installer/index.ts";
import { nodeDirectory, snapshot, texts } from "./node-files.ts";

const options = { address: "http://127.0.0.1:5000", dialTimeout: "1s", registries: ["docker.io", "ghcr.io"] };
const table = `[host."http://127.0.0.1:5000"]\n  capabilities = [ "pull", "resolve" ]\n  dial_timeout = "1s"\n`;
const foreign = {
  "ghcr.io/hosts.toml": `server = "https://ghcr.io"\n[host."https://mirror.corp"]\n`,
  "corp.example/hosts.toml": `server = "https://corp.example"\n`,
  "quay.io/ca.crt": "a certificate",
};

describe("pointing containerd at entrepot", () => {
  it("makes a directory for all registries and one for each that it knows, with the registry itself asked last", () => {
    const root = nodeDirectory({});
    expect(install("containerd", root, options)).toEqual(
      ["_default", "docker.io", "ghcr.io"].map((name) => ({
        path: join(root, name, "hosts.toml"),
        what: "written",
        why: null,
        isProblem: false,
      })),
    );
    expect(texts(root)).toEqual({
      "_default/hosts.toml": table,
      "docker.io/hosts.toml": `server = "https://registry-1.docker.io"\n\n${table}`,
      "ghcr.io/hosts.toml": `server = "https://ghcr.io"\n\n${table}`,
    });
  });

  it("merges into what is there, keeps that beside it, and leaves other registries alone", () => {
    const root = nodeDirectory(foreign);
    const before = snapshot(root);
    install("containerd", root, options);
    expect(texts(root)).toMatchObject({
      "ghcr.io/hosts.toml": `server = "https://ghcr.io"\n${table}\n[host."https://mirror.corp"]\n`,
      "ghcr.io/hosts.toml.before-entrepot": foreign["ghcr.io/hosts.toml"],
    });
    const after = snapshot(root);
    expect(after["corp.example/hosts.toml"]).toBe(before["corp.example/hosts.toml"]);
    expect(after["quay.io/ca.crt"]).toBe(before["quay.io/ca.crt"]);
  });

  it("changes nothing when it is done again", () => {
    const root = nodeDirectory(foreign);
    install("containerd", root, options);
    const once = snapshot(root);
    const changes = install("containerd", root, options);
    expect(changes.map(({ what }) => what)).toEqual(["unchanged", "unchanged", "unchanged"]);
    expect(snapshot(root)).toEqual(once);
  });

  it("brings back what was there, byte for byte, with modes and times, and nothing else stays", () => {
    const root = nodeDirectory(foreign);
    chmodSync(join(root, "ghcr.io/hosts.toml"), 0o640);
    const before = snapshot(root);
    install("containerd", root, { ...options, registries: [...options.registries, "quay.io"] });
    install("containerd", root, { ...options, address: "http://127.0.0.1:5999" });
    expect(uninstall("containerd", root).map(({ what }) => what)).toEqual([
      "removed",
      "removed",
      "restored",
      "removed",
    ]);
    expect(snapshot(root)).toEqual(before);
    expect(uninstall("containerd", root)).toEqual([]);
  });

  it("takes up a change of the address", () => {
    const root = nodeDirectory(foreign);
    install("containerd", root, options);
    install("containerd", root, { ...options, address: "http://10.0.0.1:5000" });
    expect(texts(root)["ghcr.io/hosts.toml"]).toBe(
      `server = "https://ghcr.io"\n${table.replace("127.0.0.1", "10.0.0.1")}\n[host."https://mirror.corp"]\n`,
    );
  });

  it("keeps a file that only root could read for root alone", () => {
    const root = nodeDirectory(foreign);
    chmodSync(join(root, "ghcr.io/hosts.toml"), 0o600);
    install("containerd", root, options);
    expect(statSync(join(root, "ghcr.io/hosts.toml")).mode & 0o777).toBe(0o600);
  });

  it("restores a link as a link", () => {
    const root = nodeDirectory({ "kept/hosts.toml": foreign["ghcr.io/hosts.toml"] });
    mkdirSync(join(root, "ghcr.io"));
    symlinkSync("../kept/hosts.toml", join(root, "ghcr.io/hosts.toml"));
    const before = snapshot(root);
    install("containerd", root, options);
    expect(readFileSync(join(root, "kept/hosts.toml"), "utf8")).toBe(foreign["ghcr.io/hosts.toml"]);
    uninstall("containerd", root);
    expect(snapshot(root)).toEqual(before);
  });

  it("names the certificates that containerd would not look for any more", () => {
    const root = nodeDirectory({ "ghcr.io/ca.crt": "", "ghcr.io/me.cert": "", "ghcr.io/me.key": "" });
    const before = snapshot(root);
    install("containerd", root, options);
    expect(texts(root)["ghcr.io/hosts.toml"]).toBe(
      `server = "https://ghcr.io"\nca = [ "ca.crt" ]\nclient = [ [ "me.cert", "me.key" ] ]\n\n${table}`,
    );
    uninstall("containerd", root);
    expect(snapshot(root)).toEqual(before);
  });

  it("writes for a registry with a port where containerd looks first", () => {
    const root = nodeDirectory({
      "a.corp_5443_/hosts.toml": `server = "https://a.corp:5443"\n`,
      "c.corp/hosts.toml": "",
    });
    const registries = ["a.corp:5443", "b.corp:5443", "c.corp:5443"];
    const changes = install("containerd", root, { ...options, registries });
    expect(Object.keys(texts(root))).toEqual([
      "_default/hosts.toml",
      "a.corp_5443_/hosts.toml",
      "a.corp_5443_/hosts.toml.before-entrepot",
      "b.corp:5443/hosts.toml",
      "c.corp/hosts.toml",
    ]);
    expect(changes.at(-1)).toMatchObject({ what: "left", isProblem: true });
  });

  it("leaves what containerd cannot read, and says so", () => {
    const root = nodeDirectory({ "ghcr.io/hosts.toml": "server = no quotes\n" });
    const changes = install("containerd", root, options);
    expect(changes.at(-1)).toMatchObject({
      what: "left",
      isProblem: true,
      why: expect.stringContaining("TOML") as string,
    });
    expect(texts(root)["ghcr.io/hosts.toml"]).toBe("server = no quotes\n");
  });

  it("leaves what points here already", () => {
    const root = nodeDirectory({ "ghcr.io/hosts.toml": table });
    const before = snapshot(root);
    expect(install("containerd", root, options).at(-1)).toMatchObject({ what: "left", isProblem: false });
    expect(snapshot(root)["ghcr.io/hosts.toml"]).toBe(before["ghcr.io/hosts.toml"]);
  });

  it("merges into what somebody has written in our place meanwhile, and that is what comes back", () => {
    const root = nodeDirectory(foreign);
    install("containerd", root, options);
    const newer = `[host."https://another.corp"]\n`;
    rmSync(join(root, "ghcr.io/hosts.toml"));
    writeFileSync(join(root, "ghcr.io/hosts.toml"), newer);
    install("containerd", root, options);
    expect(texts(root)["ghcr.io/hosts.toml"]).toBe(`${table}\n${newer}`);
    uninstall("containerd", root);
    expect(readFileSync(join(root, "ghcr.io/hosts.toml"), "utf8")).toBe(newer);
  });

  it("does not take back what somebody has written in our place", () => {
    const root = nodeDirectory(foreign);
    install("containerd", root, options);
    writeFileSync(join(root, "ghcr.io/hosts.toml"), "# theirs\n");
    const changes = uninstall("containerd", root);
    expect(changes.find(({ what }) => what === "left")?.path).toBe(join(root, "ghcr.io/hosts.toml"));
    expect(readFileSync(join(root, "ghcr.io/hosts.toml"), "utf8")).toBe("# theirs\n");
  });

  it("keeps a directory of its own making in which somebody has put a file", () => {
    const root = nodeDirectory({});
    install("containerd", root, options);
    writeFileSync(join(root, "docker.io/ca.crt"), "a certificate");
    uninstall("containerd", root);
    expect(Object.keys(snapshot(root))).toEqual(["docker.io/", "docker.io/ca.crt"]);
  });
});
