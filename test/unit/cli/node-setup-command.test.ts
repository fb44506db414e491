import { describe, expect, it } from "vitest";
import { nodeDirectory, snapshot } from "../installer/node-files.ts";
import { run, withFile } from "./command-line.ts";

describe("entrepot node-setup", () => {
  it("points at this instance for every upstream of the configuration, and takes that back", async () => {
    const directory = nodeDirectory({});
    const config = withFile(`upstreams: { nvcr.io: { enabled: false }, "corp.example:5443": {} }\n`);
    const done = await run(["node-setup", "containerd", "--dir", directory, "--config", config]);
    expect(done.exitCode).toBe(0);
    expect(done.stdout).toMatch(new RegExp(`^written +${directory}/_default/hosts.toml\n`));
    const directories = Object.keys(snapshot(directory)).filter((name) => name.endsWith("/"));
    expect(directories).toContain("corp.example:5443/");
    expect(directories).not.toContain("nvcr.io/");
    const undone = await run(["node-setup", "containerd", "--uninstall", "--dir", directory]);
    expect(undone.exitCode).toBe(0);
    expect(undone.stdout).toMatch(/^removed /);
    expect(snapshot(directory)).toEqual({});
  });

  it("ends with 1 where pulls may go past it", async () => {
    const directory = nodeDirectory({ "ghcr.io/hosts.toml": "not TOML" });
    const args = ["node-setup", "containerd", "--dir", directory, "--registry", "ghcr.io", "--json"];
    const { exitCode, stdout, stderr } = await run(args);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([{ what: "written" }, { what: "left", isProblem: true }]);
    expect(stderr).toBe("entrepot: pulls may go past entrepot: 1 left as they were\n");
  });

  it.each([
    ["an address with a path", ["--address", "http://127.0.0.1:5000/v2"]],
    ["an address without a scheme", ["--address", "127.0.0.1:5000"]],
    ["a duration that Go does not know", ["--dial-timeout", "1d"]],
  ])("refuses %s", async (_, flags) => {
    const { exitCode } = await run(["node-setup", "containerd", "--dir", nodeDirectory({}), ...flags]);
    expect(exitCode).toBe(2);
  });
});
