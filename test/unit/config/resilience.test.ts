import { describe, expect, it } from "vitest";
import { formatSettings } from "../../../src/config/index.ts";
import type { UpstreamEntry } from "../../../src/config/index.ts";
import { faultsOf, load } from "./config-file.ts";

function upstream(yaml: string, name: string, environment: Record<string, string> = {}): UpstreamEntry {
  const found = load(yaml, environment).upstreams.find((entry) => entry.name === name);
  if (!found) throw new Error(`no upstream ${name}`);
  return found;
}

describe("how an upstream is asked", () => {
  it("is 16 questions and 16 downloads at once, without a cap, 30 s of rest for a host that fails", () => {
    expect(upstream("", "quay.io")).toMatchObject({
      offline: false,
      concurrency: { control: 16, blobs: 16 },
      bandwidthBytesPerSecond: 0,
      breaker: { openForMs: 30_000 },
    });
  });

  it("is set per upstream, and printed", () => {
    const yaml = "upstreams: { quay.io: { concurrency: { blobs: 2 }, bandwidth: 5MiB/s, breaker: { openFor: 1m } } }";
    expect(upstream(yaml, "quay.io")).toMatchObject({
      concurrency: { control: 16, blobs: 2 },
      bandwidthBytesPerSecond: 5 * 1024 ** 2,
      breaker: { openForMs: 60_000 },
    });
    expect(upstream(yaml, "ghcr.io").bandwidthBytesPerSecond).toBe(0);
    expect(formatSettings(load(yaml))).toContain("bandwidth: 5MiB/s");
  });

  it("is never, where the upstream or the whole is offline", () => {
    const offline = (yaml: string, environment = {}) =>
      load(yaml, environment)
        .upstreams.filter((entry) => entry.offline)
        .map(({ name }) => name);
    expect(offline("upstreams: { quay.io: { offline: true } }")).toEqual(["quay.io"]);
    const all = load("").upstreams.map(({ name }) => name);
    expect(offline("{ offline: true, upstreams: { quay.io: { offline: false } } }")).toEqual(all);
    expect(offline("", { ENTREPOT_OFFLINE: "true" })).toEqual(all);
  });

  it.each([
    ["concurrency: { control: 0 }", "concurrency.control", "must be a whole number from 1 to 1000"],
    ["bandwidth: fast", "bandwidth", "must be a rate such as 1KiB/s"],
    ["breaker: { openFor: 0s }", "breaker.openFor", "must be a duration above 0"],
    ["offline: maybe", "offline", "must be true or false"],
  ])("is refused as %s", (yaml, path, words) => {
    const [fault, ...others] = faultsOf(`upstreams: { quay.io: { ${yaml} } }`);
    expect([fault?.path, others]).toEqual([`upstreams.quay.io.${path}`, []]);
    expect(fault?.message).toContain(words);
  });
});
