import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startInstance } from "../../support/instance.ts";
import { machineRoot } from "../doctor/machine.ts";
import { nodeDirectory, snapshot } from "../installer/node-files.ts";
import { run, withFile } from "./command-line.ts";

const criConfig = `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n`;

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

  it.each([
    ["containerd", "etc/containerd/certs.d", { "/etc/containerd/config.toml": criConfig }],
    ["crio", "etc/containers", { "/etc/containers/registries.conf": `[[registry]]\nlocation = "docker.io"\n` }],
    [
      "k3s",
      "etc/rancher/k3s",
      { "/etc/rancher/k3s/registries.yaml": `mirrors:\n  ghcr.io: { endpoint: ["https://m"] }\n` },
    ],
  ])("writes for %s what the doctor finds right", async (runtime, directory, files) => {
    const instance = await startInstance({ settings: {} });
    onTestFinished(() => instance.remove());
    const root = machineRoot(files);
    const config = withFile(`listen: "${new URL(instance.url).host}"`);
    const examined = async (): Promise<unknown> => {
      const flags = ["--client", runtime, "--root", root, "--config", config, "--admin", instance.adminUrl, "--json"];
      return JSON.parse((await run(["doctor", ...flags])).stdout);
    };
    expect(await examined()).toMatchObject({ comesThrough: "no" });
    await run(["node-setup", runtime, "--dir", join(root, directory), "--address", instance.url, "--config", config]);
    expect(await examined()).toMatchObject({ comesThrough: "yes" });
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
