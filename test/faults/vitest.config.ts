import { defineConfig } from "vitest/config";

/**
 * What needs root: file systems of its own, a tracer. `npx vitest run --config test/faults/vitest.config.ts`; by default a
 * sample of the points at which something can fail, and with FAULT_POINTS=every FAULT_CUTS=200 all there are. One file at a
 * time: each of them uses the whole machine.
 */
export default defineConfig({
  test: {
    include: ["test/faults/{checker,disk,kill,power,network,planted,races}/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
