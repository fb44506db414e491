// Only containerd can show that `ns` alone names the registry: the one asked for does not exist but through the cache.
import { equal } from "node:assert/strict";
import type { Checks } from "./checks.ts";
import { assertFetchedOnce, assertUpstreamNotAsked } from "./client-promises.ts";
import type { Containerd } from "./containerd.ts";
import { elsewhere } from "./entrepot-process.ts";
import { architectures } from "./fixture-image.ts";
import { blobsOf } from "./fixture-manifests.ts";
import type { Stage } from "./stage.ts";

export async function checkContainerdNames(checks: Checks, stage: Stage, containerd: Containerd): Promise<void> {
  const { demo, upstream, cache } = stage;
  const pullEmptied = async () => {
    await containerd.empty();
    upstream.forget();
    await containerd.pullFrom(elsewhere, demo);
    await containerd.verifyPlatforms(demo, architectures);
  };
  await stage.reset();
  await checks.check(`containerd pulls all platforms of ${elsewhere}, a host that only ns names`, async () => {
    await pullEmptied();
    assertFetchedOnce(stage, blobsOf(demo, architectures));
  });
  await checks.check(`containerd, emptied, pulls all platforms again without any request to the upstream`, async () => {
    await pullEmptied();
    assertUpstreamNotAsked(stage);
  });
  await checks.check("containerd's ns comes back as OCI-Namespace", async () => {
    const path = `/v2/${demo.repository}/manifests/${demo.tag}?ns=${elsewhere}`;
    const answer = await fetch(`http://127.0.0.1:${cache.port}${path}`, { method: "HEAD" });
    equal(answer.status, 200);
    equal(answer.headers.get("oci-namespace"), elsewhere);
  });
  await containerd.empty();
}
