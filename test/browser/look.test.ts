import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useChromium } from "./support/chromium.ts";
import { openRichStage } from "./support/rich-stage.ts";
import { useStages } from "./support/stage.ts";
import { goTo, visit } from "./support/visit.ts";

const chromium = useChromium();
const openStage = useStages();

const pages: { name: string; address: string; shows: RegExp; open?: (page: Page) => Promise<void> }[] = [
  { name: "overview", address: "", shows: /library\/python/ },
  { name: "images", address: "images", shows: /with-parts/ },
  {
    name: "image",
    address: "image?image=docker.io/library/alpine:3",
    shows: /Why it is here/,
    open: (page) => page.locator("button.block-shared").first().click(),
  },
  { name: "eviction", address: "eviction", shows: /Would be freed/ },
  { name: "warm", address: "warm", shows: /Images to fetch/ },
  { name: "events", address: "events", shows: /left the store/ },
];
const viewports = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };
const themes = ["light", "dark"] as const;
let axe: string;
let directory: string;

beforeAll(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  directory = process.env["BROWSER_SCREENSHOTS"] ?? (await mkdtemp(join(tmpdir(), "entrepot-screenshots-")));
  await mkdir(directory, { recursive: true });
});

/** What axe finds that keeps people out. Evaluated as source, since the page's policy lets nobody add a script. */
async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ""}`));
}

describe("every page, in both themes, on a phone and on a desktop", () => {
  it("has no fault that keeps people out, and nothing that has to be scrolled sideways", async () => {
    const { stage, gate } = await openRichStage(openStage);
    const found: Record<string, string[] | number> = {};
    for (const [device, viewport] of Object.entries(viewports)) {
      for (const theme of themes) {
        const page = await visit(chromium(), stage, { viewport, theme });
        for (const { name, address, shows, open } of pages) {
          await goTo(page, address);
          await page.locator("main").getByText(shows).first().waitFor();
          await page.locator('[aria-busy="true"]').waitFor({ state: "detached" });
          await open?.(page);
          const key = `${name}-${device}-${theme}`;
          const overhang = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
          if (overhang > 0) found[`${key} overhang`] = overhang;
          await page.evaluate("scrollTo(0, 0)");
          await page.screenshot({ path: join(directory, `${key}.png`), fullPage: true });
          const faults = await seriousFaults(page);
          if (faults.length > 0) found[key] = faults;
        }
      }
    }
    gate.release();
    expect(found).toEqual({});
  }, 400_000);

  it("has one main heading, and headings in their order", async () => {
    const { stage, gate } = await openRichStage(openStage);
    const page = await visit(chromium(), stage);
    for (const { address, shows } of pages) {
      await goTo(page, address);
      await page.locator("main").getByText(shows).first().waitFor();
      const levels = await page.evaluate<number[]>(
        "[...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))",
      );
      expect(levels.filter((level) => level === 1)).toEqual([1]);
      levels.forEach((level, place) => expect(level - (levels[place - 1] ?? 0)).toBeLessThanOrEqual(1));
    }
    gate.release();
  });

  it("has a switch for the theme, which outlasts the visit", async () => {
    const page = await visit(chromium(), await openStage(), { theme: "light" });
    const ground = () => page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
    const light = await ground();
    await page.getByLabel("Theme").selectOption("Dark");
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    await page.locator("main h1").waitFor();
    expect(await ground()).toBe(dark);
    expect(await page.getByLabel("Theme").inputValue()).toBe("dark");
    await page.getByLabel("Theme").selectOption("System");
    expect(await ground()).toBe(light);
  });
});
