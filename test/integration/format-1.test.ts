import { execFileSync } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startInstance } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";

const fixture = new URL("./format-1/", import.meta.url).pathname;

/** `format-1/data.tar.gz` was written by the last version whose index had version 1; `paths.json` is all that it had served. */
it("a data directory with an index of version 1 is brought to this one, and nothing of it is lost", async () => {
  const directory = await mkdtemp(join(tmpdir(), "entrepot-test-"));
  execFileSync("tar", ["-xzf", join(fixture, "data.tar.gz"), "-C", directory]);
  const paths = JSON.parse(await readFile(join(fixture, "paths.json"), "utf8")) as string[];
  const upstreams = { "docker.io": { endpoints: ["http://127.0.0.1:9"] } };
  const instance = await startInstance({ directory, settings: { upstreams } });
  onTestFinished(() => instance.remove());
  await expect.poll(() => instance.metric("entrepot_reconcile_ratio"), { timeout: 20_000 }).toBe(1);
  for (const path of paths) {
    const { status, headers, body } = await instance.ask(path);
    expect([path, status, sha256(body)]).toEqual([path, 200, headers["docker-content-digest"]]);
  }
  expect(await instance.metric("entrepot_store_blobs")).toBe(paths.length);
  const explanation = await fetch(
    `${instance.adminUrl}/api/v1/explain?subject=${encodeURIComponent("docker.io/library/multi:latest")}`,
  );
  expect(await explanation.json()).toMatchObject({
    kind: "index",
    state: "present",
    platforms: [{ platform: "linux/amd64" }, { platform: "linux/arm64" }],
  });
});
