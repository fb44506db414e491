import { defineConfig } from "vitest/config";

const isFull = process.env["FAULT_POINTS"] === "every";

/**
 * What needs root: file systems of its own, a tracer. `npx vitest run --config test/faults/vitest.config.ts`, with
 * FAULT_POINTS=every and FAULT_CUTS=200 for all there is. One file at a time: each of them uses the whole machine.
 */
export default defineConfig({
  test: {
    include: isFull
      ? ["test/faults/{checker,disk,kill,power,planted,races}/**/*.test.ts"]
      : ["test/faults/{checker,kill}/**/*.test.ts", "test/faults/disk/full-disk.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
