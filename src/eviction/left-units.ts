import type { Evicted, Graph } from "../metadata/index.ts";
import type { Digest } from "../oci/index.ts";
import { namesOf } from "./report.ts";
import type { Choice } from "./victims.ts";

/** An image with what went along with it, or a blob that no image named. */
export interface LeftUnit {
  digest: Digest;
  /** The first of the names it had; undefined where it had none. */
  image: string | undefined;
  /** Bytes that its going has set free. */
  bytes: number;
}

/** Looks up names while they are there; what it returns tells which units have left, once that is known. */
export function namedUnits(
  { units, orphans }: Pick<Choice, "units" | "orphans">,
  graph: Graph,
): (evicted: Evicted) => LeftUnit[] {
  const named = units.flatMap(({ nodes }) => {
    const [first] = nodes;
    return first ? [{ digest: first.digest, image: namesOf(first, graph)[0], all: nodes }] : [];
  });
  return ({ left }) => {
    const bytesOf = new Map(left.map(({ digest, bytes }) => [digest, bytes]));
    const images = named
      .filter(({ all }) => all.some(({ digest }) => bytesOf.has(digest)))
      .map(({ digest, image, all }) => {
        return { digest, image, bytes: all.reduce((sum, node) => sum + (bytesOf.get(node.digest) ?? 0), 0) };
      });
    const blobs = orphans
      .filter(({ digest }) => bytesOf.has(digest))
      .map(({ digest }) => ({ digest, image: undefined, bytes: bytesOf.get(digest) ?? 0 }));
    return [...images, ...blobs];
  };
}
