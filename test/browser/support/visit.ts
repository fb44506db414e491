import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import type { Stage } from "./stage.ts";

export interface VisitOptions {
  /** In the fragment; by default the instance's own, null for none. */
  token?: string | null;
  /** Of the page, `images?q=alpine`. */
  at?: string;
  viewport?: { width: number; height: number };
  theme?: "light" | "dark";
  /** What the console may say: a request that is meant to fail. Anything else fails the test. */
  expectedFaults?: RegExp;
  /** Before the page is loaded. */
  prepare?: (context: BrowserContext) => Promise<unknown>;
}

/**
 * A person with the page open in a browser of their own, which is closed after the test. No test passes whose page has said
 * anything in the console that was not expected, a breach of the content policy included.
 */
export async function visit(browser: Browser, stage: Stage, options: VisitOptions = {}): Promise<Page> {
  const {
    token = stage.instance.adminToken,
    at = "",
    viewport = { width: 1280, height: 900 },
    theme = "light",
  } = options;
  const context = await browser.newContext({ viewport, colorScheme: theme, reducedMotion: "reduce" });
  await options.prepare?.(context);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    const words = `${message.type()}: ${message.text()}`;
    if (["error", "warning"].includes(message.type()) && options.expectedFaults?.test(words) !== true)
      faults.push(words);
  });
  page.on("pageerror", (error) => faults.push(error.stack ?? error.message));
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  await page.goto(`${stage.url}/${token === null ? "" : `#token=${token}`}`);
  if (at !== "") await goTo(page, at);
  await page.locator("main h1").waitFor();
  return page;
}

/** Goes to a page as its address in the address bar does. */
export async function goTo(page: Page, address: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(`#/${address}`)}`);
}

/** The texts of a column of the only table, from top to bottom. */
export function column(page: Page, name: string): Promise<string[]> {
  return page.locator(`main tbody [data-label="${name}"]`).allInnerTexts();
}
