import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages, type Stage } from "./support/stage.ts";
import { column, goTo, visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

const names = ["docker.io/library/alpine:3", "docker.io/library/node:24", "docker.io/library/postgres:17"];

async function stageWithImages(): Promise<Stage> {
  const stage = await openStage();
  pushContent(stage.upstream);
  await stage.pull("library/alpine", "3");
  await stage.pull("library/postgres", "17");
  await stage.pull("library/node", "24", { platforms: ["linux/amd64"] });
  return stage;
}

describe("the list of images", () => {
  it("shows what each takes, alone and with others", async () => {
    const page = await visit(chromium(), await stageWithImages(), { at: "images" });
    await expect.poll(() => column(page, "Image")).toEqual(names);
    const alpine = await page.getByRole("row", { name: /alpine/ }).innerText();
    // Its only layer is that of the other image too; manifest and config are its own.
    expect(alpine).toMatch(/391 KiB/);
    expect(alpine).toMatch(/ready/);
    expect(alpine).toMatch(/just now/);
    expect(await page.getByText("3 images", { exact: true }).count()).toBe(1);
  });

  it("finds what is searched for while it is typed, and keeps it in the address", async () => {
    const page = await visit(chromium(), await stageWithImages(), { at: "images" });
    await page.getByLabel("Search").pressSequentially("postg");
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/postgres:17"]);
    expect(new URL(page.url()).hash).toBe("#/images?q=postg");
    await page.reload();
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/postgres:17"]);
    expect(await page.getByLabel("Search").inputValue()).toBe("postg");
    await page.getByLabel("Search").fill("nothing-like-this");
    await page.getByText("No image fits.").waitFor();
    await page.getByRole("link", { name: "Show all images" }).click();
    await expect.poll(() => column(page, "Image")).toEqual(names);
  });

  it("sorts by size, says so, and goes back with the browser", async () => {
    const page = await visit(chromium(), await stageWithImages(), { at: "images" });
    await expect.poll(() => column(page, "Image")).toEqual(names);
    const size = page.getByRole("columnheader", { name: "Size" });
    await size.getByRole("button").click();
    const bySize = ["docker.io/library/postgres:17", "docker.io/library/node:24", "docker.io/library/alpine:3"];
    await expect.poll(() => column(page, "Image")).toEqual(bySize);
    expect(await size.getAttribute("aria-sort")).toBe("descending");
    await size.getByRole("button").click();
    await expect.poll(() => column(page, "Image")).toEqual([...bySize].reverse());
    expect(await size.getAttribute("aria-sort")).toBe("ascending");
    await page.goBack();
    await expect.poll(() => column(page, "Image")).toEqual(bySize);
    await page.goBack();
    await expect.poll(() => column(page, "Image")).toEqual(names);
  });

  it("pins and unpins, and shows the pinned alone", async () => {
    const stage = await stageWithImages();
    const page = await visit(chromium(), stage, { at: "images" });
    await page.getByRole("button", { name: "Pin docker.io/library/node:24" }).click();
    await page.getByRole("button", { name: "Unpin docker.io/library/node:24" }).waitFor();
    await page.getByText("docker.io/library/node:24 is pinned").waitFor();
    expect((await stage.instance.api.pins()).items.map(({ image }) => image)).toEqual(["docker.io/library/node:24"]);
    await page.getByLabel("Pinned only").check();
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/node:24"]);
    await page.getByRole("button", { name: "Unpin docker.io/library/node:24" }).click();
    await page.getByText("No image fits.").waitFor();
    expect((await stage.instance.api.pins()).items).toEqual([]);
  });

  it("shows the images of an upstream, and what is ready for a time without it", async () => {
    const stage = await stageWithImages();
    await stage.instance.ask("/v2/library/postgres/manifests/17");
    stage.upstream.pushImage("library/half", "1", { layers: [1000, 2000] });
    await stage.pull("library/half", "1", { manifestsOnly: true });
    const page = await visit(chromium(), stage, { at: "images?offlineReady=false" });
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/half:1"]);
    await page.getByLabel("Offline").selectOption("Ready");
    await expect.poll(() => column(page, "Image")).toEqual(names);
    await page.getByLabel("Upstream").selectOption("ghcr.io");
    await page.getByText("No image fits.").waitFor();
    await page.getByLabel("Upstream").selectOption("docker.io");
    await expect.poll(() => column(page, "Image")).toEqual(names);
  });

  it("comes in pages, which have addresses of their own", async () => {
    const stage = await openStage();
    const tags = Array.from({ length: 60 }, (_none, number) => `v${String(number).padStart(2, "0")}`);
    const image = stage.upstream.pushImage("library/many", "first", { layers: [1000] });
    for (const tag of tags) stage.upstream.tag("library/many", tag, image.digest);
    for (const tag of tags) await stage.pull("library/many", tag, { manifestsOnly: true });
    const page = await visit(chromium(), stage, { at: "images" });
    const paging = page.getByRole("navigation", { name: "Pages of the list" });
    await paging.getByText("1–50 of 60").waitFor();
    await paging.getByRole("button", { name: "Next page" }).click();
    await paging.getByText("51–60 of 60").waitFor();
    const second = await column(page, "Image");
    expect(second).toEqual(tags.slice(50).map((tag) => `docker.io/library/many:${tag}`));
    await page.reload();
    await expect.poll(() => column(page, "Image")).toEqual(second);
    await page.goBack();
    await paging.getByText("1–50 of 60").waitFor();
  });

  it("says how to begin where there is none", async () => {
    const page = await visit(chromium(), await openStage(), { at: "images" });
    await page.getByText("No image has been pulled yet.").waitFor();
    await page.getByRole("link", { name: "The overview says how to begin" }).click();
    await page.getByRole("heading", { name: "Nothing has been pulled yet" }).waitFor();
  });

  it("shows what was evicted meanwhile without being loaded again", async () => {
    const stage = await stageWithImages();
    const page = await visit(chromium(), stage, { at: "images", expectedFaults: /status of 404/ });
    await expect.poll(() => column(page, "Image")).toEqual(names);
    await stage.instance.api.evict({ image: "docker.io/library/postgres:17" });
    await expect.poll(() => column(page, "Image")).toEqual(names.slice(0, 2));
    await goTo(page, "image?image=docker.io/library/postgres:17");
    await page.getByRole("region", { name: "Why it is not here" }).waitFor();
    await page.getByText(/somebody evicted it, as docker\.io\/library\/postgres:17; 90\d KiB were freed\./).waitFor();
  });
});
