// An upstream that breaks off, and one that sends wrong bytes, as a real client meets them through the cache.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Checks } from "./checks.ts";
import type { Client } from "./client.ts";
import { largestLayer } from "./fixture-manifests.ts";
import type { Stage } from "./stage.ts";

/** dockerd is not asked: it repeats a failed layer after 5, 10, 15 and 20 seconds. */
export async function checkFaultyUpstream(checks: Checks, stage: Stage, client: Client): Promise<void> {
  const { demo, upstream } = stage;
  const { digest, bytes } = largestLayer(demo);
  const getsOfLayer = () => upstream.blobGets().filter((request) => request.digest === digest);
  await checks.check(
    `${client.name} does not notice that the upstream broke off in the middle of a layer`,
    async () => {
      await client.empty();
      await stage.reset();
      upstream.spoil({ digest, atByte: Math.floor(bytes.length / 2), fault: "cut" });
      await client.pull(demo);
      await client.verify(demo);
      const [first, second] = getsOfLayer();
      equal(getsOfLayer().length, 2, "GETs of the layer");
      ok(second?.range?.startsWith("bytes="), `the second GET asks for the rest: ${second?.range ?? "no range"}`);
      ok((first?.bytes ?? 0) < bytes.length && (second?.bytes ?? 0) < bytes.length, "neither carries the whole layer");
    },
  );
  await checks.check(`${client.name} is not given a layer that the upstream altered`, async () => {
    await client.empty();
    await stage.reset();
    upstream.spoil({ digest, atByte: bytes.length - 1000, fault: "alter" });
    await rejects(client.pull(demo), "the pull fails");
    ok(getsOfLayer().length >= 1, "the layer was asked for");
  });
  await checks.check(`${client.name} pulls the image once the upstream sends the right bytes`, async () => {
    upstream.spoil(undefined);
    await client.empty();
    upstream.forget();
    await client.pull(demo);
    await client.verify(demo);
    deepEqual(
      getsOfLayer().map(({ range }) => range),
      [undefined],
      "the layer is fetched anew",
    );
  });
  await client.empty();
}
