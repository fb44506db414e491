import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { pushContent } from "./support/content.ts";
import { useStages } from "./support/stage.ts";
import { visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();
const mostTabs = 60;

/** Presses Tab until what has the focus is called `name`. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let pressed = 0; pressed < mostTabs; pressed += 1) {
    await page.keyboard.press("Tab");
    if (name.test(await focused(page))) return;
  }
  throw new Error(`nothing called ${name.source} is reached by ${mostTabs} presses of Tab`);
}

/** Name of what has the focus; text for what has no label. */
function focused(page: Page): Promise<string> {
  return page.evaluate(`(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") ?? element?.labels?.[0]?.textContent ?? element?.textContent ?? "";
  })()`);
}

describe("with the keyboard alone", () => {
  it("one finds an image, sees whom its layer is shared with, pins it, and goes back", async () => {
    const stage = await openStage();
    pushContent(stage.upstream);
    await stage.pull("library/alpine", "3");
    await stage.pull("library/postgres", "17");
    const page = await visit(chromium(), stage);
    await tabTo(page, /^Skip to content$/);
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    expect(new URL(page.url()).hash).toBe("#/");

    await page.reload();
    await page.locator("main h1").waitFor();
    await tabTo(page, /^Images$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Images" }).waitFor();
    await expect.poll(() => focused(page)).toBe("Images");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("H1");

    await page.getByRole("rowheader").first().waitFor();
    await tabTo(page, /^Search$/);
    await page.keyboard.type("postgres");
    await expect.poll(() => page.getByRole("rowheader").count()).toBe(1);
    await tabTo(page, /^docker\.io\/library\/postgres:17$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "docker.io/library/postgres:17" }).waitFor();
    await page.getByRole("button", { name: /^Layer .*, 391 KiB/ }).waitFor();
    await tabTo(page, /^Pin docker/);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /^Unpin docker/ }).waitFor();
    await tabTo(page, /^Layer .*, 391 KiB/);
    await page.keyboard.press("Space");
    await tabTo(page, /^docker\.io\/library\/alpine:3$/);
    await page.goBack();
    await page.getByRole("heading", { level: 1, name: "Images" }).waitFor();
  });

  it("one sees where one is", async () => {
    const stage = await openStage();
    const page = await visit(chromium(), stage);
    await tabTo(page, /^Eviction$/);
    const outline: { style: string; width: string } = await page.evaluate(`(() => {
      const { outlineStyle: style, outlineWidth: width } = getComputedStyle(document.activeElement);
      return { style, width };
    })()`);
    expect(outline.style).toBe("solid");
    expect(Number.parseFloat(outline.width)).toBeGreaterThanOrEqual(2);
  });
});
