// Docker >= 29 with the containerd image store: HEAD by tag, GET by digest, `ns` for the Hub too, then referrers.
import { native } from "../fixture-image.ts";
import { equal, ok } from "node:assert/strict";
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
import type { Answer, Wire } from "./wire.ts";

const own = { "user-agent": "docker/29.0.0 containerd-client/2.1.4", "accept-encoding": "zstd;q=1.0, gzip;q=0.8" };

type Ask = (method: "GET" | "HEAD", path: string) => Promise<Answer>;

function asker(wire: Wire, image: FixtureImage): Ask {
  const headers = { ...own, accept: `${acceptedManifests}, */*` };
  return (method, path) => {
    const separator = path.includes("?") ? "&" : "?";
    return wire.send({ method, path: `/v2/${image.repository}${path}${separator}ns=${hub}`, headers });
  };
}

async function pull(ask: Ask, image: FixtureImage): Promise<void> {
  assertManifestHeaders(await ask("HEAD", `/manifests/${image.tag}`), image.index);
  assertManifest(await ask("GET", `/manifests/${image.index.digest}`), image.index);
  assertManifest(await ask("GET", `/manifests/${image.manifests[native].digest}`), image.manifests[native]);
  const getBlob = async ([digest, bytes]: [string, Buffer]) =>
    assertBlob(await ask("GET", `/blobs/${digest}`), digest, bytes);
  await Promise.all([...blobsOf(image)].map(getBlob));
}

/** The upstream has no referrers API: either we say so and the tag is asked for, or we answer an empty list. */
async function askForReferrers(ask: Ask, image: FixtureImage): Promise<void> {
  const { digest } = image.manifests[native];
  const artifactType = encodeURIComponent("application/vnd.in-toto+json");
  const answer = await ask("GET", `/referrers/${digest}?artifactType=${artifactType}`);
  if (answer.status === 200) {
    equal(answer.headers["content-type"], "application/vnd.oci.image.index.v1+json", "Content-Type of referrers");
    const { manifests } = JSON.parse(answer.body.toString()) as { manifests: unknown[] };
    equal(manifests.length, 0, "referrers");
    return;
  }
  equal(answer.status, 404, "status of referrers");
  const tag = digest.replace(":", "-");
  assertError(await ask("GET", `/manifests/${tag}`), 404, "MANIFEST_UNKNOWN");
}

export const docker29: Script = {
  name: "Docker 29",
  replay: async (checks, stage, wire) => {
    const ask = asker(wire, stage.demo);
    await checks.check("Docker 29's HEAD by tag is enough for all GETs by digest that follow", async () => {
      await pull(ask, stage.demo);
      assertFetchedOnce(stage, blobsOf(stage.demo));
      assertManifestsFetchedOnce(stage.upstream, stage.demo);
    });
    await checks.check("Docker 29's referrers call and its tag fallback are answered as absent", async () => {
      stage.upstream.forget();
      await askForReferrers(ask, stage.demo);
      ok(stage.upstream.requests.length <= 3, `requests at the upstream: ${stage.upstream.requests.length}`);
    });
    await checks.check("Docker 29 asking for the same referrers again does not reach the upstream", async () => {
      stage.upstream.forget();
      await askForReferrers(ask, stage.demo);
      assertUpstreamNotAsked(stage);
    });
  },
};
