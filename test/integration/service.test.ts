import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { startInstance, type Instance } from "../support/instance.ts";
import { createHash } from "node:crypto";
import { seededBytes, startUpstream, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;

beforeEach(async () => {
  upstream = await startUpstream({});
});

afterEach(async () => {
  await upstream.close();
});

describe("an instance", () => {
  let instance: Instance;

  beforeEach(async () => {
    instance = await startInstance({ settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
  });

  afterEach(() => instance.remove());

  it("keeps a blob by its sha512 digest as well", async () => {
    const bytes = seededBytes("sha512", 2_000_000);
    const digest = upstream.pushBlob("library/demo", bytes, { algorithm: "sha512" });
    const first = await instance.ask(`/v2/library/demo/blobs/${digest}`);
    await instance.settled();
    const second = await instance.ask(`/v2/library/demo/blobs/${digest}`);
    expect(`sha512:${createHash("sha512").update(second.body).digest("hex")}`).toBe(digest);
    expect([first.status, second.headers["cache-status"]]).toEqual([200, "entrepot; hit"]);
    expect(upstream.requests.count({ kind: "blob" })).toBe(1);
  });

  it("is alive and ready, and counts what it serves", async () => {
    upstream.pushImage("library/demo", "1");
    await instance.ask("/v2/library/demo/manifests/1");
    const hit = await instance.ask("/v2/library/demo/manifests/1", { headers: { "user-agent": "containerd/1.7" } });
    const health = await Promise.all(["/healthz", "/readyz"].map((path) => fetch(`${instance.adminUrl}${path}`)));
    expect(health.map(({ status }) => status)).toEqual([200, 200]);
    const labels = { kind: "manifest_tag", outcome: "hit", client: "containerd" };
    await expect.poll(() => instance.metric("entrepot_requests_total", labels)).toBe(1);
    expect(await instance.metric("entrepot_served_bytes_total", { outcome: "hit" })).toBe(hit.body.length);
    expect(await instance.metric("entrepot_store_manifests")).toBe(1);
    const requests = (): Record<string, unknown>[] => instance.log.filter(({ msg }) => msg === "request");
    // The line is written when the response has ended, which the client may know first.
    await expect.poll(() => requests().length).toBe(2);
    const lines = requests();
    expect(lines.at(-1)).toMatchObject({
      method: "GET",
      upstream: "docker.io",
      repository: "library/demo",
      reference: "1",
      outcome: "hit",
      status: 200,
      bytes: hit.body.length,
      client: "containerd",
      upstreamMs: 0,
    });
    expect(lines.at(-1)).toHaveProperty("durationMs");
  });
});

describe("the process", () => {
  it("serves, is refused its data directory a second time in words, and ends with 0 at SIGTERM", async () => {
    const directory = await mkdtemp(join(tmpdir(), "entrepot-process-"));
    const file = join(directory, "entrepot.yaml");
    await writeFile(
      file,
      stringify({ listen: "127.0.0.1:0", admin: { listen: "127.0.0.1:0" }, dataDir: join(directory, "data") }),
    );
    const run = (...args: string[]) =>
      spawn(process.execPath, ["src/main.ts", ...args, "--config", file], { stdio: ["ignore", "pipe", "pipe"] });
    const first = run("serve");
    for await (const line of createInterface(first.stdout)) if (line.includes('"listening"')) break;
    const second = run("serve");
    let words = "";
    second.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
    const [secondCode] = (await once(second, "close")) as [number];
    expect([secondCode, words]).toEqual([1, expect.stringContaining("in use by another process")]);
    first.kill("SIGTERM");
    expect(await once(first, "exit")).toEqual([0, null]);
    await rm(directory, { recursive: true });
  });
});
