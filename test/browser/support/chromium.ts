import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** The distribution's browser, open for the tests of a file; nothing is downloaded. */
export function useChromium(): () => Browser {
  let browser: Browser | undefined;
  beforeAll(async () => {
    const executablePath = places.find((place) => existsSync(place));
    if (executablePath === undefined) throw new Error("chromium is not installed: apt-get install chromium");
    // Tests run as root, for whom Chromium has no sandbox; the page comes from this machine alone.
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  });
  afterAll(() => browser?.close());
  return () => {
    if (!browser) throw new Error("the browser is opened before the first test");
    return browser;
  };
}
