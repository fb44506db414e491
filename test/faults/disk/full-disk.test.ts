import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { startInstance, type Instance } from "../../support/instance.ts";
import { SkippingClock } from "../../support/skipping-clock.ts";
import { createGate, seededBytes, startUpstream, temperaments as t, type TestUpstream } from "../../upstream/index.ts";

const layerBytes = 3_000_000;
let directory: string;
let upstream: TestUpstream;
let instance: Instance;
const clock = new SkippingClock();

// A disk that is full although the budget says otherwise: another program may fill it at any time.
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "entrepot-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", directory]);
  upstream = await startUpstream();
  instance = await startInstance({
    directory,
    clock,
    settings: {
      storage: { maxSize: "1GiB", minFree: "0%" },
      upstreams: { "docker.io": { endpoints: [upstream.url] } },
    },
  });
});

afterAll(async () => {
  await instance.stop();
  await upstream.close();
  execFileSync("umount", [directory]);
  await rm(directory, { recursive: true });
});

async function pull(name: string): Promise<string> {
  const bytes = seededBytes(name, layerBytes);
  const digest = upstream.pushBlob("library/demo", bytes);
  const reply = await instance.ask(`/v2/library/demo/blobs/${digest}`);
  return reply.status === 200 && !reply.isShort && reply.body.equals(bytes) ? "right" : `wrong: ${reply.status}`;
}

/** What another program writes until the disk is full; the returned function removes it. */
async function fillDisk(): Promise<() => Promise<void>> {
  const path = join(directory, "ballast");
  const file = await open(path, "w");
  const page = Buffer.alloc(4096, 1);
  for (;;) {
    const { bytesWritten } = await file.write(page).catch(() => ({ bytesWritten: 0 }));
    if (bytesWritten < page.length) break;
  }
  await file.close();
  return () => rm(path);
}

function uncachedPasses(): Promise<number> {
  return instance.metric("entrepot_uncached_passes_total");
}

describe("a disk of 8 MiB that another program fills", () => {
  it("serves a blob during whose fill the last room goes", async () => {
    const bytes = seededBytes("zero", layerBytes);
    const digest = upstream.pushBlob("library/demo", bytes);
    const gate = createGate();
    upstream.misbehave({ on: "blob", times: 1, temperament: t.gated(gate, layerBytes / 3) });
    const before = await uncachedPasses();
    const clients = Array.from({ length: 3 }, () => instance.ask(`/v2/library/demo/blobs/${digest}`));
    await gate.reached();
    const free = await fillDisk();
    gate.release();
    const replies = await Promise.all(clients);
    expect(replies.map(({ status, body }) => [status, body.equals(bytes)])).toEqual(replies.map(() => [200, true]));
    expect(await uncachedPasses()).toBe(before + 1);
    await free();
  });

  it("serves manifests and blobs that cannot be written, and keeps them once they can", async () => {
    const free = await fillDisk();
    const image = upstream.pushImage("library/full", "latest");
    const path = "/v2/library/full/manifests/latest";
    const reply = await instance.ask(path);
    expect([reply.status, reply.body.equals(image.manifest), reply.headers["cache-status"]]).toEqual([
      200,
      true,
      "entrepot; fwd=miss",
    ]);
    const layer = image.layers[0]?.digest ?? "";
    expect((await instance.ask(`/v2/library/full/blobs/${layer}`)).status).toBe(200);
    await free();
    await instance.ask(path);
    expect((await instance.ask(path)).headers["cache-status"]).toMatch(/^entrepot; hit/);
  });
});

describe("a disk of 8 MiB", () => {
  it("serves every pull, also those for which it has no room", async () => {
    const answers: string[] = [];
    for (const name of ["one", "two", "three", "four", "five"]) answers.push(await pull(name));
    expect(answers).toEqual(["right", "right", "right", "right", "right"]);
    expect(await uncachedPasses()).toBeGreaterThan(1);
  });

  it("serves any number of clients of one blob for which there is no room", async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => pull("six")));
    expect(answers).toEqual(answers.map(() => "right"));
  });

  it("ends the body short when the bytes are wrong and there is no room", async () => {
    const digest = upstream.pushBlob("library/demo", seededBytes("seven", layerBytes));
    const rule = upstream.misbehave({ on: "blob", temperament: t.wrongByte(layerBytes - 1) });
    const reply = await instance.ask(`/v2/library/demo/blobs/${digest}`);
    rule.stop();
    expect([reply.status, reply.isShort]).toEqual([200, true]);
  });

  it("serves a manifest, and still serves what it holds", async () => {
    const image = upstream.pushImage("library/demo", "latest");
    const reply = await instance.ask("/v2/library/demo/manifests/latest");
    expect([reply.status, reply.body.equals(image.manifest)]).toEqual([200, true]);
    upstream.requests.clear();
    expect([await pull("one"), upstream.requests.count()]).toEqual(["right", 0]);
  });

  it("has no parts and no reserved bytes left", async () => {
    clock.skip(61_000);
    await eventually(async () => {
      expect(await instance.staging()).toEqual([]);
      expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
    });
  });
});
