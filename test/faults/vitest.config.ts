import { defineConfig } from "vitest/config";

/**
 * What needs root: file systems of its own, a tracer. `npx vitest run --config test/faults/vitest.config.ts`, with
 * FAULT_POINTS=every and FAULT_CUTS=200 for all there is. One file at a time: each of them uses the whole machine.
 */
export default defineConfig({
  test: {
    include: ["test/faults/{checker,disk,kill,power,planted}/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
