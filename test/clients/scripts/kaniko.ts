// kaniko with --registry-map "index.docker.io=cache:5000/docker.io;registry.example.test=cache:5000/registry.example.test".
import { native } from "../fixture-image.ts";
import { equal } from "node:assert/strict";
import { assertFetchedOnce, assertUpstreamNotAsked } from "../client-promises.ts";
import { elsewhere, hub } from "../entrepot-process.ts";
import { blobsOf, type FixtureImage } from "../fixture-manifests.ts";
import { assertBlob, assertError, assertManifest, assertManifestsFetchedOnce } from "./expectations.ts";
import { acceptedManifests, type Script } from "./script.ts";
import type { Wire } from "./wire.ts";

const own = { "user-agent": "kaniko/v1.23.2 go-containerregistry" };

async function pull(wire: Wire, image: FixtureImage, registry: string): Promise<void> {
  const base = `/v2/${registry}/${image.repository}`;
  const headers = { ...own, accept: acceptedManifests };
  equal((await wire.send({ method: "GET", path: "/v2/", headers: own })).status, 200, "ping");
  assertManifest(await wire.send({ method: "GET", path: `${base}/manifests/${image.tag}`, headers }), image.index);
  const platform = { path: `${base}/manifests/${image.manifests[native].digest}`, headers };
  assertManifest(await wire.send({ method: "GET", ...platform }), image.manifests[native]);
  for (const [digest, bytes] of blobsOf(image)) {
    assertBlob(await wire.send({ method: "GET", path: `${base}/blobs/${digest}`, headers: own }), digest, bytes);
  }
}

export const kaniko: Script = {
  name: "kaniko",
  replay: async (checks, stage, wire) => {
    await checks.check("kaniko's mapped registry is found by its path prefix", async () => {
      await pull(wire, stage.demo, hub);
      assertFetchedOnce(stage, blobsOf(stage.demo));
      assertManifestsFetchedOnce(stage.upstream, stage.demo);
    });
    await checks.check("kaniko's next build is served without the upstream", async () => {
      stage.upstream.forget();
      await pull(wire, stage.demo, hub);
      assertUpstreamNotAsked(stage);
    });
    await checks.check("kaniko's own name of the Hub, index.docker.io, is the Hub as a prefix too", async () => {
      stage.upstream.forget();
      await pull(wire, stage.demo, "index.docker.io");
      assertUpstreamNotAsked(stage);
    });
    await checks.check("kaniko's other mapped registry is found by its own prefix and asked for its own", async () => {
      stage.upstream.forget();
      await pull(wire, stage.demo, elsewhere);
      // Content that is here already may be kept once for both; whether the other registry has it must be asked there.
      equal(
        stage.upstream.requests.some(({ kind }) => kind === "manifest"),
        true,
        "the registry is asked for its tag",
      );
      const blobGets = [...stage.upstream.blobGetCounts().values()];
      equal(Math.max(0, ...blobGets) <= 1, true, `GETs per blob: ${blobGets.join(", ")}`);
    });
    await checks.check("kaniko's unmapped registry is refused, and no upstream is asked for it", async () => {
      stage.upstream.forget();
      const path = `/v2/unknown.example.test/${stage.demo.repository}/manifests/${stage.demo.tag}`;
      assertError(await wire.send({ method: "GET", path, headers: own }), 404, "NAME_UNKNOWN");
      assertUpstreamNotAsked(stage);
    });
  },
};
