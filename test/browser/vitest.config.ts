import { defineConfig } from "vitest/config";

/**
 * The page in Debian's Chromium (`apt-get install chromium`), against a running instance. One file at a time: each of them has a
 * browser of its own. Screenshots go into a scratch directory, or into the one that BROWSER_SCREENSHOTS names.
 */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
