import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { install, uninstall } from "../../src/installer/index.ts";
import { startInstance } from "../support/instance.ts";
import { startUpstream } from "../upstream/index.ts";
import { nodeDirectory, snapshot } from "../unit/installer/node-files.ts";

/** A containerd without CRI; `fetch` pulls an image into a namespace that has nothing yet. */
async function startContainerd(hostsDirectory: string): Promise<{ fetch: (image: string) => Promise<void> }> {
  const directory = nodeDirectory({});
  const socket = join(directory, "containerd.sock");
  const lines = [
    `version = 2`,
    `root = "${join(directory, "root")}"`,
    `state = "${join(directory, "state")}"`,
    `disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]`,
    `[grpc]`,
    `  address = "${socket}"`,
    `[plugins."io.containerd.metadata.v1.bolt"]`,
    `  content_sharing_policy = "isolated"`,
  ];
  writeFileSync(join(directory, "config.toml"), lines.join("\n"));
  const daemon = spawn("containerd", ["--config", join(directory, "config.toml")], { stdio: "ignore" });
  const ended = once(daemon, "exit");
  onTestFinished(async () => {
    daemon.kill("SIGKILL");
    await ended;
  });
  const ctr = (args: readonly string[]) => promisify(execFile)("ctr", ["--address", socket, ...args]);
  const answers = (): Promise<boolean> =>
    ctr(["version"]).then(
      () => true,
      () => false,
    );
  await expect.poll(answers, { timeout: 60_000 }).toBe(true);
  let fetches = 0;
  return {
    fetch: async (image) => {
      const namespace = ["--namespace", `fetch-${++fetches}`];
      await ctr([...namespace, "content", "fetch", "--hosts-dir", hostsDirectory, "--all-platforms", image]);
    },
  };
}

it("a real containerd pulls through what was merged, past a dead cache, and as before once it is taken back", async () => {
  const upstream = await startUpstream();
  upstream.pushImage("org/demo", "1", { layers: [1000] });
  const instance = await startInstance({
    settings: { upstreams: { "fixture.example": { endpoints: [upstream.url] } } },
  });
  onTestFinished(async () => {
    await instance.remove();
    await upstream.close();
  });
  const root = nodeDirectory({
    "fixture.example/hosts.toml": `# as it was\nserver = "${upstream.url}"\n[host."${upstream.url}"]\n`,
  });
  mkdirSync(join(root, "other.example"));
  const before = snapshot(root);
  const { fetch } = await startContainerd(root);
  const askedBy = async (): Promise<string[]> => {
    upstream.requests.clear();
    await fetch("fixture.example/org/demo:1");
    return upstream.requests.filter().map(({ headers }) => String(headers["user-agent"]).split("/")[0] ?? "");
  };
  expect(new Set(await askedBy())).toEqual(new Set(["containerd"]));
  const options = { address: instance.url, dialTimeout: "1s", registries: ["fixture.example"] };
  install("containerd", root, options);
  expect(new Set(await askedBy())).toEqual(new Set(["entrepot"]));
  await instance.stop();
  expect(new Set(await askedBy())).toEqual(new Set(["containerd"]));
  uninstall("containerd", root);
  expect(new Set(await askedBy())).toEqual(new Set(["containerd"]));
  expect(snapshot(root)).toEqual(before);
});
