import { defineConfig } from "vitest/config";

/** Needs root, for a file system of its own: `npx vitest run --config test/faults/disk/vitest.config.ts`. */
export default defineConfig({
  test: { include: ["test/faults/disk/**/*.test.ts"], pool: "forks", testTimeout: 30_000, hookTimeout: 30_000 },
});
