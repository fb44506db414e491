// CRI-O (containers/image): pings, asks for the tag with GET, never says `ns`; the mirror's path begins with the registry.
import { native } from "../fixture-image.ts";
import { equal } from "node:assert/strict";
import { assertFetchedOnce, assertUpstreamNotAsked } from "../client-promises.ts";
import { hub } from "../entrepot-process.ts";
import { blobsOf, type FixtureImage } from "../fixture-manifests.ts";
import { assertBlob, assertManifest, assertManifestsFetchedOnce } from "./expectations.ts";
import { acceptedManifests, type Script } from "./script.ts";
import type { Wire } from "./wire.ts";

const own = {
  "user-agent": "cri-o/1.30.0 go/go1.22 os/linux arch/amd64",
  "docker-distribution-api-version": "registry/2.0",
};

async function pull(wire: Wire, image: FixtureImage): Promise<void> {
  const base = `/v2/${hub}/${image.repository}`;
  equal((await wire.send({ method: "GET", path: "/v2/", headers: own })).status, 200, "ping");
  const accepting = { ...own, accept: acceptedManifests };
  const getManifest = (reference: string) =>
    wire.send({ method: "GET", path: `${base}/manifests/${reference}`, headers: accepting });
  assertManifest(await getManifest(image.tag), image.index);
  assertManifest(await getManifest(image.manifests[native].digest), image.manifests[native]);
  const getBlob = async ([digest, bytes]: [string, Buffer]) => {
    const path = `${base}/blobs/${digest}`;
    assertBlob(await wire.send({ method: "GET", path, headers: own }), digest, bytes);
  };
  await Promise.all([...blobsOf(image)].map(getBlob));
}

export const criO: Script = {
  name: "CRI-O",
  replay: async (checks, stage, wire) => {
    await checks.check("CRI-O's GET by tag, path prefix and no ns, is answered with exact headers", async () => {
      await pull(wire, stage.demo);
      assertFetchedOnce(stage, blobsOf(stage.demo));
      assertManifestsFetchedOnce(stage.upstream, stage.demo);
    });
    await checks.check("CRI-O on a second node is served without the upstream", async () => {
      stage.upstream.forget();
      await pull(wire, stage.demo);
      assertUpstreamNotAsked(stage);
    });
  },
};
