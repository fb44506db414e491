import { describe, expect, it } from "vitest";
import { CursorInvalid, imageSorts } from "../../../src/inventory/index.ts";
import { MiB } from "../eviction/world.ts";
import { openShelf, repositoryOf, type Shelf } from "./shelf.ts";

const alpine = "docker.io/library/alpine";

/** Tags of three repositories; the ones of an image that is `big`, `middle` or `small`. */
async function openFilled(): Promise<Shelf> {
  const shelf = await openShelf();
  await shelf.put("middle", { layers: { "layer of middle": 2 * MiB }, tag: "2" });
  await shelf.put("big", { layers: { "layer of big": 3 * MiB }, tag: "10" });
  await shelf.put("small", {
    layers: { "layer of small": MiB },
    tag: "b",
    repository: repositoryOf("ghcr.io/team/app"),
  });
  await shelf.world.tag("3", "small");
  await shelf.world.tag("A", "big", repositoryOf("ghcr.io/team/app"));
  await shelf.world.tag("1", "middle", repositoryOf("docker.io/team/app"));
  return shelf;
}

describe("the list of images", () => {
  it("is in the order of registry, repository and tag, as bytes, and in the other one", async () => {
    const { names } = await openFilled();
    const inOrder = [
      `${alpine}:10`,
      `${alpine}:2`,
      `${alpine}:3`,
      "docker.io/team/app:1",
      "ghcr.io/team/app:A",
      "ghcr.io/team/app:b",
    ];
    expect(await names()).toEqual(inOrder);
    expect(await names({ isDescending: true })).toEqual(inOrder.toReversed());
  });

  it.each(imageSorts)(
    "sorted by %s has every tag once, whatever the size of its pages, in both directions",
    async (sort) => {
      const { images, names } = await openFilled();
      for (const isDescending of [false, true]) {
        const whole = await names({ sort, isDescending });
        expect(whole).toHaveLength(6);
        for (const limit of [1, 2, 5]) {
          const paged: string[] = [];
          for (let cursor: string | undefined, at = 0; at === 0 || cursor !== undefined; at += 1) {
            const page = await images({ sort, isDescending, limit, cursor });
            expect([page.total, page.items.length <= limit]).toEqual([6, true]);
            paged.push(...page.items.map(({ image }) => image));
            cursor = page.nextCursor;
          }
          expect(paged).toEqual(whole);
        }
      }
    },
  );

  it("goes on behind the last item whatever has come before or behind it meanwhile", async () => {
    const { images, world, put } = await openFilled();
    const { items, nextCursor } = await images({ limit: 2 });
    await put("another", { tag: "1" });
    await world.tag("21", "another");
    const next = await images({ limit: 2, cursor: nextCursor });
    expect([...items, ...next.items].map(({ image }) => image)).toEqual(
      ["10", "2", "21", "3"].map((tag) => `${alpine}:${tag}`),
    );
  });

  it("is by size what is here of each image, and by unique size what nothing else needs", async () => {
    const { put, images } = await openShelf();
    await put("alone", { layers: { own: 3 * MiB }, tag: "alone" });
    await put("one", { layers: { base: 4 * MiB, "of one": MiB }, tag: "one" });
    await put("other", { layers: { base: 4 * MiB, "of other": 2 * MiB, gone: MiB }, lacks: ["gone"], tag: "other" });
    const by = async (sort: "bytes" | "uniqueBytes") =>
      (await images({ sort, isDescending: true })).items.map((item) => [item.image.slice(25), item[sort]]);
    expect(await by("bytes")).toEqual([
      ["other", 6 * MiB + 1500],
      ["one", 5 * MiB + 1500],
      ["alone", 3 * MiB + 1500],
    ]);
    expect(await by("uniqueBytes")).toEqual([
      ["alone", 3 * MiB + 1500],
      ["other", 2 * MiB + 1500],
      ["one", MiB + 1500],
    ]);
    expect((await images()).items.map(({ sharedBytes }) => sharedBytes)).toEqual([0, 4 * MiB, 4 * MiB]);
  });

  it("is by last pull what was pulled when, also after a pull that changed nothing else", async () => {
    const { names, world } = await openFilled();
    const newest = async () => (await names({ sort: "lastPulledAt", isDescending: true })).slice(0, 2);
    expect(await newest()).toEqual(["ghcr.io/team/app:b", `${alpine}:3`]);
    await world.pull("middle");
    expect(await newest()).toEqual(["docker.io/team/app:1", `${alpine}:2`]);
  });

  it("holds what fits a part of the name, an upstream, a pin, and counts no more than that", async () => {
    const { images, names, world } = await openFilled();
    expect(await names({ q: "TEAM/app" })).toHaveLength(3);
    expect(await names({ q: "app:a" })).toEqual(["ghcr.io/team/app:A"]);
    expect(await names({ upstream: "ghcr.io" })).toEqual(["ghcr.io/team/app:A", "ghcr.io/team/app:b"]);
    expect(await images({ upstream: "ghcr.io", q: "b", limit: 1 })).toMatchObject({ total: 1, nextCursor: undefined });
    expect(await images({ upstream: "ghcr.io", limit: 1 })).toMatchObject({ total: 2 });
    expect(await names({ isPinned: true })).toEqual([]);
    await world.pin(`${alpine}:2`);
    expect(await names({ isPinned: true })).toEqual([`${alpine}:2`, "docker.io/team/app:1"]);
    expect(await names({ isPinned: false })).toHaveLength(4);
    expect((await images({ q: "alpine:2" })).items[0]?.pins).toEqual([`${alpine}:2`]);
  });

  it("shows a tag with the digest that a rollback serves, and not one of which only a HEAD was answered", async () => {
    const { images, world } = await openFilled();
    const { index } = world;
    const repository = repositoryOf(alpine);
    const [tag] = (await images({ q: "alpine:2" })).items;
    expect(tag).toMatchObject({ digest: world.digest("middle"), isHeld: false, isGone: false });
    const asTag = "2" as Parameters<typeof index.holdTag>[1];
    await index.holdTag(repository, asTag, world.digest("small"));
    await index.markTagGone(repository, asTag, world.clock.now());
    expect((await images({ q: "alpine:2" })).items[0]).toMatchObject({
      ...{ digest: world.digest("small"), isHeld: true, isGone: true, pins: [] },
    });
    const pending = { digest: world.digest("nowhere"), size: 1, mediaType: "any" };
    await index.recordPending(repository, "new" as typeof asTag, pending, world.clock.now());
    expect(await images()).toMatchObject({ total: 6 });
  });

  it("refuses a cursor that is none, or of another order", async () => {
    const { images } = await openFilled();
    await expect(images({ cursor: "nonsense" })).rejects.toThrow(CursorInvalid);
    const { nextCursor } = await images({ limit: 1 });
    await expect(images({ cursor: nextCursor, isDescending: true })).rejects.toThrow("another order");
    await expect(images({ cursor: nextCursor, sort: "bytes" })).rejects.toThrow("another order");
  });
});
