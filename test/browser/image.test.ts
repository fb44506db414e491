import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent, sharedLayer } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { goTo, visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

describe("the page of an image", () => {
  it("draws the layers of each platform, and says of each whose it is", async () => {
    const stage = await openStage();
    const { postgres } = pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage, { at: "image?image=docker.io/library/postgres:17" });
    const layers = page.getByRole("region", { name: "Platforms and layers" });
    const blocks = layers.getByRole("list", { name: "Blobs of Image" }).getByRole("button");
    await blocks.first().waitFor();
    const all = await blocks.all();
    const names = await Promise.all(all.map((block) => block.getAttribute("aria-label")));
    expect(names.map((name) => name?.replace(/sha256:[0-9a-f]{12}/, "…"))).toEqual([
      "Layer …, 879 KiB, only this image needs it",
      "Layer …, 391 KiB, other images need it too, with 1 other image",
      "Layer …, 29.3 KiB, only this image needs it",
      expect.stringMatching(/^Config …, \d+ B, only this image needs it$/),
    ]);
    const boxes = await Promise.all(all.map((block) => block.boundingBox()));
    expect((boxes[0]?.width ?? 0) / (boxes[1]?.width ?? 1)).toBeCloseTo(900_000 / sharedLayer.length, 0);

    await blocks.nth(1).click();
    expect(await layers.innerText()).toContain(postgres.layers[0]?.digest);
    await layers.getByRole("link", { name: "docker.io/library/alpine:3" }).click();
    await page.getByRole("heading", { level: 1, name: "docker.io/library/alpine:3" }).waitFor();
    await page.getByRole("button", { name: /^Layer .* with 1 other image$/ }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "docker.io/library/postgres:17" }).waitFor();
  });

  it("says which platforms nobody has pulled, and what is missing of one", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/node", "24", { platforms: ["linux/amd64"] });
    const page = await visit(chromium(), stage, { at: "image?image=docker.io/library/node:24" });
    await page.getByText("Not here, as nobody has pulled them: linux/arm64.").waitFor();
    await page.getByRole("heading", { name: "linux/amd64" }).waitFor();

    stage.upstream.pushImage("library/half", "1", { layers: [1000, 2000] });
    await stage.pull("library/half", "1", { manifestsOnly: true });
    await goTo(page, "image?image=docker.io/library/half:1");
    const missing = page.getByRole("region", { name: "What is missing offline" });
    await missing.waitFor();
    expect(await missing.getByRole("row").count()).toBe(4);
    await page.getByRole("button", { name: /^Layer .*, 2\.0 KiB, not here$/ }).waitFor();
  });

  it("asks the upstream at once when told to, and shows where the tag went", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    const page = await visit(chromium(), stage, { at: "image?image=docker.io/library/alpine:3" });
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("docker.io/library/alpine:3 has not changed upstream.").waitFor();
    const moved = stage.upstream.pushImage("library/alpine", "3", { layers: [12_345] });
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText(/docker\.io\/library\/alpine:3 has moved from/).waitFor();
    const history = page.getByRole("region", { name: "Tag history" });
    await expect.poll(() => history.getByRole("row").count()).toBe(3);
    expect(await history.getByRole("row").nth(1).innerText()).toMatch(
      new RegExp(`${moved.digest.slice(0, 19)}\\s*now`),
    );
  });

  it("tells a refresh that failed in the words of the API", async () => {
    const stage = await openStage({ settings: { limits: { attempts: 1 } } });
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    const page = await visit(chromium(), stage, {
      at: "image?image=docker.io/library/alpine:3",
      expectedFaults: /status of 50\d/,
    });
    await stage.upstream.stop();
    await page.getByRole("button", { name: "Refresh" }).click();
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.innerText()).toContain("docker.io");
    await page.getByRole("button", { name: "Close this message" }).click();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  it("says in sentences why it is here, and follows a pin", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage, { at: "image?image=docker.io/library/postgres:17" });
    const why = page.getByRole("region", { name: "Why it is here" });
    await why.getByText(/Another 391 KiB of it would stay, since others need them too\./).waitFor();
    await why.getByText(/When room is needed, it goes/).waitFor();
    await page.getByRole("button", { name: "Pin docker.io/library/postgres:17" }).click();
    await why.getByText("It is never evicted: pinned by docker.io/library/postgres:17.").waitFor();
  });

  it("evicts after a question that says what is freed, and not before", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage, { at: "image?image=docker.io/library/postgres:17" });
    await page.getByRole("button", { name: "Evict…" }).click();
    const question = page.getByRole("dialog", { name: "Evict docker.io/library/postgres:17?" });
    await question.waitFor();
    expect(await question.innerText()).toMatch(
      /90\d KiB will be freed\. 391 KiB are needed by other images too and stay\./,
    );
    await question.getByRole("button", { name: "Cancel" }).click();
    expect((await stage.instance.api.explain("docker.io/library/postgres:17")).state).toBe("present");
    await page.getByRole("button", { name: "Evict…" }).click();
    await question.getByRole("button", { name: "Evict" }).click();
    await page.getByText(/docker\.io\/library\/postgres:17 is evicted/).waitFor();
    await page.getByRole("heading", { level: 1, name: "Images" }).waitFor();
    await expect.poll(() => page.locator("main tbody tr").count()).toBe(1);
  });
});
