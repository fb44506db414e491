import { seededBytes, type PushedImage, type TestUpstream } from "../../upstream/index.ts";

/** A layer that several images are built upon. */
export const sharedLayer = seededBytes("base of several images", 400_000);

/** Images of several sizes, of which two share a layer and one is for two platforms. */
export function pushContent(upstream: TestUpstream): { alpine: PushedImage; postgres: PushedImage } {
  const alpine = upstream.pushImage("library/alpine", "3", { layers: [sharedLayer] });
  const postgres = upstream.pushImage("library/postgres", "17", { layers: [sharedLayer, 900_000, 30_000] });
  upstream.pushIndex(
    "library/node",
    "24",
    upstream.pushImage("library/node", undefined, {
      layers: [600_000],
      platform: { os: "linux", architecture: "amd64" },
    }),
    upstream.pushImage("library/node", undefined, {
      layers: [500_000],
      platform: { os: "linux", architecture: "arm64" },
    }),
  );
  return { alpine, postgres };
}
