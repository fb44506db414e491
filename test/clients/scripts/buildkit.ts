// BuildKit with `mirrors = ["cache:5000/docker.io"]`: the registry's name stands in the path and in `ns` at once.
import { native } from "../fixture-image.ts";
import { equal } from "node:assert/strict";
import { assertFetchedOnce, assertUpstreamNotAsked } from "../client-promises.ts";
import { hub } from "../entrepot-process.ts";
import { blobsOf, type FixtureImage } from "../fixture-manifests.ts";
import { assertBlob, assertManifest, assertManifestHeaders, assertManifestsFetchedOnce } from "./expectations.ts";
import { acceptedManifests, type Script } from "./script.ts";
import type { Wire } from "./wire.ts";

const own = { "user-agent": "buildkit/v0.16" };

async function pull(wire: Wire, image: FixtureImage, prefix: string): Promise<void> {
  const base = `/v2/${prefix}${image.repository}`;
  const ask = async (method: "GET" | "HEAD", path: string) => {
    const accept = `${acceptedManifests}, */*`;
    const answer = await wire.send({ method, path: `${base}${path}?ns=${hub}`, headers: { ...own, accept } });
    equal(answer.headers["oci-namespace"], hub, "OCI-Namespace");
    return answer;
  };
  assertManifestHeaders(await ask("HEAD", `/manifests/${image.tag}`), image.index);
  assertManifest(await ask("GET", `/manifests/${image.index.digest}`), image.index);
  assertManifest(await ask("GET", `/manifests/${image.manifests[native].digest}`), image.manifests[native]);
  for (const [digest, bytes] of blobsOf(image)) assertBlob(await ask("GET", `/blobs/${digest}`), digest, bytes);
}

export const buildkit: Script = {
  name: "BuildKit",
  replay: async (checks, stage, wire) => {
    await checks.check("BuildKit's ns and path prefix at once name one repository", async () => {
      await pull(wire, stage.demo, `${hub}/`);
      assertFetchedOnce(stage, blobsOf(stage.demo));
      assertManifestsFetchedOnce(stage.upstream, stage.demo);
    });
    await checks.check("BuildKit with ns alone finds the same content without the upstream", async () => {
      stage.upstream.forget();
      await pull(wire, stage.demo, "");
      assertUpstreamNotAsked(stage);
    });
  },
};
