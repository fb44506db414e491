import { defineConfig } from "vitest/config";

/** Load balancer, parents, nodes and their clients, each in a network namespace of its own. Needs root, haproxy, containerd. */
export default defineConfig({
  test: {
    include: ["test/topology/**/*.test.ts"],
    pool: "forks",
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
