import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages, type Stage } from "./support/stage.ts";
import { column, visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

async function stageWithTwo(): Promise<Stage> {
  const stage = await openStage();
  pushContent(stage.upstream);
  await stage.pull("library/postgres", "17");
  // The second is pulled later, and what was just given is out of its lease by the time of the plan.
  await stage.instance.skip(60 * 60 * 1000);
  await stage.pull("library/alpine", "3");
  await stage.instance.skip(60 * 60 * 1000);
  return stage;
}

describe("the eviction page", () => {
  it("shows what would go first and what of it would stay, and changes nothing", async () => {
    const stage = await stageWithTwo();
    const page = await visit(chromium(), stage, { at: "eviction" });
    await page.getByLabel("Room to make").fill("0.5");
    await page.getByLabel("Unit").selectOption("MiB");
    await page.getByRole("button", { name: "What would go?" }).click();
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/postgres:17"]);
    const summary = page.getByRole("region", { name: "What would go" });
    const words = await summary.innerText();
    expect(words).toMatch(/Asked for\s+512 KiB/);
    expect(words).toMatch(/Would be freed\s+90\d KiB/);
    expect(words).toMatch(/Shared, so it stays\s+391 KiB/);
    expect((await stage.instance.api.explain("docker.io/library/postgres:17")).state).toBe("present");
  });

  it("evicts what it showed, once one has said yes", async () => {
    const stage = await stageWithTwo();
    const page = await visit(chromium(), stage, { at: "eviction" });
    await page.getByLabel("Room to make").fill("0.5");
    await page.getByLabel("Unit").selectOption("MiB");
    await page.getByRole("button", { name: "What would go?" }).click();
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/postgres:17"]);
    await page.getByRole("button", { name: "Evict these now…" }).click();
    const question = page.getByRole("dialog", { name: "Evict 1 entry?" });
    await question.locator("button:focus", { hasText: "Cancel" }).waitFor();
    await page.keyboard.press("Escape");
    await question.waitFor({ state: "detached" });
    expect((await stage.instance.api.explain("docker.io/library/postgres:17")).state).toBe("present");
    await page.getByRole("button", { name: "Evict these now…" }).click();
    await page.getByRole("button", { name: "Evict now" }).click();
    await page.getByText(/1 image has gone; 90\d KiB are free again/).waitFor();
    expect((await stage.instance.api.explain("docker.io/library/postgres:17")).state).not.toBe("present");
    await expect.poll(() => column(page, "Image")).toEqual(["docker.io/library/alpine:3"]);
  });

  it("says where nothing can go", async () => {
    const page = await visit(chromium(), await openStage(), { at: "eviction" });
    await page.getByText("There is nothing that could go").waitFor();
    expect(await page.getByRole("button", { name: "Evict these now…" }).count()).toBe(0);
  });
});
