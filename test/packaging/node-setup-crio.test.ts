import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { install } from "../../src/installer/index.ts";
import { startInstance } from "../support/instance.ts";
import { startUpstream } from "../upstream/index.ts";
import { nodeDirectory } from "../unit/installer/node-files.ts";

it("a real client of containers/image, which CRI-O uses too, pulls through what was written", async () => {
  const upstream = await startUpstream();
  upstream.pushImage("org/demo", "1", { layers: [1000] });
  const instance = await startInstance({
    settings: { upstreams: { "fixture.example": { endpoints: [upstream.url] } } },
  });
  onTestFinished(async () => {
    await instance.remove();
    await upstream.close();
  });
  const earlier = `[[registry]]\nprefix = "fixture.example"\nlocation = "127.0.0.1:1/elsewhere"\ninsecure = true\n`;
  const root = nodeDirectory({ "registries.conf": earlier });
  install("crio", root, { address: instance.url, dialTimeout: "1s", registries: ["fixture.example"] });
  const inspect = (configuration: string): Promise<{ stdout: string }> =>
    promisify(execFile)("skopeo", [
      ...["--registries-conf", join(root, configuration)],
      ...["inspect", "--raw", "docker://fixture.example/org/demo:1"],
    ]);
  await expect(inspect("registries.conf")).rejects.toThrow("127.0.0.1:1");
  expect(upstream.requests.count()).toBe(0);
  const { stdout } = await inspect("registries.conf.d/99-entrepot.conf");
  expect(JSON.parse(stdout)).toMatchObject({ layers: [{ size: 1000 }] });
});
