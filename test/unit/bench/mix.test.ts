import { afterEach, describe, expect, it } from "vitest";
import { meanBlobBytes, onlyOf, pushMix } from "../../bench/compare/mix/mix.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";

let upstream: TestUpstream | undefined;

afterEach(async () => upstream?.close());

async function mixOf(): Promise<ReturnType<typeof pushMix>> {
  upstream = await startUpstream();
  return pushMix(upstream, true);
}

describe("the mix of real traffic", () => {
  it("has HEADs, GETs of manifests and GETs of blobs as 12 to 53 to 34", async () => {
    const mix = await mixOf();
    const shareOf = (isKept: Parameters<typeof onlyOf>[1]): number =>
      onlyOf(mix, isKept).order.length / mix.order.length;
    expect(shareOf(({ method }) => method === "HEAD")).toBeCloseTo(12 / 99, 1.5);
    expect(shareOf(({ method, kind }) => method === "GET" && kind === "manifests")).toBeCloseTo(53 / 99, 1.5);
    expect(shareOf(({ kind }) => kind !== "manifests")).toBeCloseTo(34 / 99, 1.5);
  });

  it("is the same each time", async () => {
    const first = await mixOf();
    await upstream?.close();
    const second = await mixOf();
    expect(second.order).toEqual(first.order);
    expect(second.targets).toEqual(first.targets);
  });

  it("asks for the first of its images far more often than for the last", async () => {
    const { order, targets, repositories } = await mixOf();
    const countOf = (repository: string | undefined): number =>
      order.filter((place) => targets[place]?.path.startsWith(`/v2/${String(repository)}/manifests/`)).length;
    expect(countOf(repositories[0])).toBeGreaterThan(4 * countOf(repositories.at(-1)));
  });

  it("asks for nothing that is not among what is warmed, of the size that it has", async () => {
    const { targets, assets } = await mixOf();
    const sizes = new Map(assets.map(({ path, bytes }) => [path, bytes]));
    for (const { path, bytes } of targets) expect(sizes.get(path)).toBe(bytes);
  });

  it("has 65 small ones in 100 blobs", async () => {
    const mix = await mixOf();
    const blobs = onlyOf(mix, ({ kind }) => kind !== "manifests");
    const small = onlyOf(blobs, ({ kind }) => kind === "small blobs");
    expect(small.order.length / blobs.order.length).toBeCloseTo(0.65, 1.5);
    expect(meanBlobBytes(small)).toBeLessThan(meanBlobBytes(blobs));
  });
});
