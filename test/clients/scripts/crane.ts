// crane and all of go-containerregistry: HEAD must carry three exact headers, and a blob's length its descriptor's.
import { native } from "../fixture-image.ts";
import { equal } from "node:assert/strict";
import { assertFetchedOnce, assertUpstreamNotAsked } from "../client-promises.ts";
import { hub } from "../entrepot-process.ts";
import { blobsOf, type FixtureImage } from "../fixture-manifests.ts";
import {
  assertBlob,
  assertError,
  assertManifest,
  assertManifestHeaders,
  assertManifestsFetchedOnce,
} from "./expectations.ts";
import { acceptedManifests, type Script } from "./script.ts";
import type { Wire } from "./wire.ts";

const own = { "user-agent": "crane/0.20.2 go-containerregistry/0.20.2" };

async function pull(wire: Wire, image: FixtureImage): Promise<void> {
  const base = `/v2/${hub}/${image.repository}`;
  const headers = { ...own, accept: acceptedManifests };
  equal((await wire.send({ method: "GET", path: "/v2/", headers: own })).status, 200, "ping");
  const manifest = { path: `${base}/manifests/${image.tag}`, headers };
  assertManifestHeaders(await wire.send({ method: "HEAD", ...manifest }), image.index);
  assertManifest(await wire.send({ method: "GET", ...manifest }), image.index);
  const platform = { path: `${base}/manifests/${image.manifests[native].digest}`, headers };
  assertManifest(await wire.send({ method: "GET", ...platform }), image.manifests[native]);
  for (const [digest, bytes] of blobsOf(image)) {
    assertBlob(await wire.send({ method: "GET", path: `${base}/blobs/${digest}`, headers: own }), digest, bytes);
  }
}

export const crane: Script = {
  name: "crane",
  replay: async (checks, stage, wire) => {
    await checks.check("crane's HEAD, GET and blobs have exact types, lengths and digests", async () => {
      await pull(wire, stage.demo);
      assertFetchedOnce(stage, blobsOf(stage.demo));
      assertManifestsFetchedOnce(stage.upstream, stage.demo);
    });
    await checks.check("crane again is served without the upstream", async () => {
      stage.upstream.forget();
      await pull(wire, stage.demo);
      assertUpstreamNotAsked(stage);
    });
    await checks.check("crane reads schema 2 as schema 2, whatever it accepts", async () => {
      const { schema2, upstream } = stage;
      upstream.forget();
      const path = `/v2/${hub}/${schema2.repository}/manifests/${schema2.tag}`;
      const headers = { ...own, accept: "application/vnd.oci.image.index.v1+json" };
      assertManifest(await wire.send({ method: "GET", path, headers }), schema2.index);
      assertManifest(await wire.send({ method: "GET", path, headers }), schema2.index);
      equal(upstream.requests.filter(({ method }) => method === "GET").length, 1, "GETs at the upstream");
    });
    await checks.check("crane asking for a manifest's digest as a blob is told that there is none", async () => {
      const path = `/v2/${hub}/${stage.demo.repository}/blobs/${stage.demo.index.digest}`;
      assertError(await wire.send({ method: "GET", path, headers: own }), 404, "BLOB_UNKNOWN");
    });
  },
};
