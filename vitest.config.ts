import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/{unit,property,contract,integration}/**/*.test.ts", "test/faults/table/**/*.test.ts"],
    pool: "forks",
    // Most of the time of the fault tables goes by in waiting for limits.
    maxWorkers: 4,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
