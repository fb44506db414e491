import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  instance = await startInstance({
    settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } }, serve: { drainFor: "1s" } },
  });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

describe("after a restart with every upstream down", () => {
  it("serves what it had by tag and by digest, and has emptied its staging directory", async () => {
    const image = upstream.pushImage("library/demo", "1", { layers: [1000, 3_000_000] });
    const paths = [
      "/v2/library/demo/manifests/1",
      `/v2/library/demo/manifests/${image.digest}`,
      ...[image.config, ...image.layers].map(({ digest }) => `/v2/library/demo/blobs/${digest}`),
    ];
    for (const path of paths) await instance.ask(path);
    await instance.ask("/v2/library/demo/tags/list");
    await instance.stop();
    await upstream.stop();
    await writeFile(join(instance.directory, "data", "ingest", "1-1.part"), "left by a crash");
    instance = await instance.restart();
    for (const path of paths) {
      const reply = await instance.ask(path);
      expect([reply.status, sha256(reply.body)]).toEqual([200, reply.headers["docker-content-digest"]]);
    }
    expect((await instance.ask("/v2/library/demo/tags/list")).status).toBe(200);
    expect(await instance.staging()).toEqual([]);
  });
});

describe("a second process on the same data directory", () => {
  it("is refused in words", async () => {
    const second = startInstance({ directory: instance.directory, settings: {} });
    await expect(second).rejects.toThrow(/in use by another process/);
  });
});

describe("a stop while a client reads", () => {
  it("lets a response finish that can finish in time", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("a", 5_000_000));
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 3_000_000) });
    const reading = instance.ask(`/v2/library/demo/blobs/${digest}`);
    await gate.reached();
    const stopped = instance.app.stop();
    gate.release();
    expect(sha256((await reading).body)).toBe(digest);
    await stopped;
  });

  it("cuts one that cannot, and leaves no staging file", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("a", 5_000_000));
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 3_000_000) });
    const reading = instance.ask(`/v2/library/demo/blobs/${digest}`);
    await gate.reached();
    await instance.app.stop();
    expect((await reading).isShort).toBe(true);
    expect(await instance.staging()).toEqual([]);
    gate.release();
  });
});
