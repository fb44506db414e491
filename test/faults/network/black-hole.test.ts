import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Client } from "undici";
import { sha256 } from "../../support/reply.ts";
import { EntrepotProcess } from "../support/entrepot-process.ts";
import { Scratch } from "../support/scratch.ts";
import { startFar, Wire } from "./wire.ts";

interface FarUpstream {
  url: string;
  images: { repository: string; digest: string; blobs: string[] }[];
}

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.close());

/** Asks over a unix socket: those do not care for network namespaces. */
function asking(socketPath: string) {
  const client = new Client("http://localhost", { socketPath, pipelining: 1 });
  scratch.onClose(() => client.destroy());
  return async (path: string) => {
    const startedAt = performance.now();
    const { statusCode, headers, body } = await client.request({ method: "GET", path });
    const bytes = Buffer.from(await body.arrayBuffer());
    const status = String(headers["cache-status"] ?? "");
    return { statusCode, headers, bytes, status, tookMs: performance.now() - startedAt };
  };
}

it("an upstream behind a wire that swallows everything: once that is known, pulls by tag are answered in under 100 ms", async () => {
  const wire = new Wire(scratch);
  const far = JSON.parse(await startFar(scratch, wire, new URL("./far-upstream.ts", import.meta.url))) as FarUpstream;
  const directory = await scratch.make("near");
  const [pullSocket, adminSocket] = ["pull.sock", "admin.sock"].map((name) => join(directory, name));
  await EntrepotProcess.start({
    directory,
    upstreamUrl: far.url,
    under: ["ip", "netns", "exec", wire.near],
    settings: {
      listen: `unix:${String(pullSocket)}`,
      admin: { listen: `unix:${String(adminSocket)}` },
      // Each pull asks the upstream anew.
      tags: { freshFor: "0s" },
      upstreams: { "docker.io": { endpoints: [far.url], breaker: { openFor: "5s" } } },
    },
  });
  const ask = asking(String(pullSocket));
  const askAdmin = asking(String(adminSocket));
  const isOpen = async (): Promise<boolean> =>
    /^entrepot_upstream_breaker_open\{[^}]*upstream="docker.io"[^}]*\} 1$/m.test(
      (await askAdmin("/metrics")).bytes.toString(),
    );
  const pullAll = async () => {
    const answers = [];
    for (const { repository, digest, blobs } of far.images) {
      const manifest = await ask(`/v2/${repository}/manifests/1`);
      expect([manifest.statusCode, sha256(manifest.bytes)]).toEqual([200, digest]);
      answers.push(manifest);
      for (const blob of blobs) {
        const { statusCode, bytes } = await ask(`/v2/${repository}/blobs/${blob}`);
        expect([statusCode, sha256(bytes)]).toEqual([200, blob]);
      }
    }
    return answers;
  };

  await pullAll();
  wire.cut();
  // What nobody knows yet costs `staleAfter` each time; the pulls succeed all the same.
  while (!(await isOpen())) await pullAll();
  const times: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    for (const { status, tookMs } of await pullAll()) {
      expect(status).toMatch(/^entrepot; hit; ttl=-?\d+; detail=stale-upstream-(unreachable|timeout)/);
      times.push(tookMs);
    }
  }
  const median = times.sort((one, other) => one - other)[times.length >> 1] ?? Infinity;
  console.log(
    `answers by tag with the breaker open: median ${median.toFixed(1)} ms, slowest ${times.at(-1)?.toFixed(1)} ms`,
  );
  expect(median).toBeLessThan(100);

  wire.mend();
  await expect
    .poll(async () => (await pullAll()).every(({ status }) => !status.includes("stale")), { timeout: 40_000 })
    .toBe(true);
  expect(await isOpen()).toBe(false);
});
