import { defineConfig } from "vitest/config";

/** What is shipped, as whoever installs it finds it. Needs npm and its registry. */
export default defineConfig({
  test: {
    include: ["test/packaging/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
