import { expect, it } from "vitest";
import { changedPaths, takeLiveSettings } from "../../../src/config/index.ts";
import { load } from "./config-file.ts";

/** What a reload from one text to the other changes, and what it leaves for a restart. */
function reload(before: string, after: string): { changed: string[]; needsRestart: string[] } {
  const [current, next] = [load(before), load(after)];
  const live = takeLiveSettings(current, next);
  return { changed: changedPaths(current, live), needsRestart: changedPaths(live, next) };
}

it("names nothing where nothing has changed", () => {
  expect(reload("{}", "log: { level: info }")).toEqual({ changed: [], needsRestart: [] });
});

it.each([
  ["log: { level: debug }", ["log.level"]],
  ["pins: [docker.io/library/alpine:*]", ["pins"]],
  ["denyDigests: [sha256:" + "a".repeat(64) + "]", ["denyDigests"]],
  ["serve: { drainFor: 1s, fillsPerClient: 2 }", ["serve.drainFor", "serve.fillsPerClient"]],
  ["defaultUpstream: ghcr.io", ["defaultUpstream"]],
  [
    "upstreams: { ghcr.io: { deny: ['a/**'], bandwidth: 1MiB/s } }",
    ["upstreams.ghcr.io.bandwidth", "upstreams.ghcr.io.deny"],
  ],
  ["upstreams: { ghcr.io: { tags: { freshFor: 1d } } }", ["upstreams.ghcr.io.tags.freshFor"]],
])("changes while it runs: %s", (yaml, changed) => {
  expect(reload("{}", yaml)).toEqual({ changed, needsRestart: [] });
});

it.each([
  ["listen: 127.0.0.1:6000", ["listen"]],
  ["dataDir: /elsewhere", ["dataDir"]],
  ["storage: { maxSize: 1GiB }", ["storage.maxSize"]],
  ["allowPlaintext: true", ["allowPlaintext"]],
  ["log: { format: json }", ["log.format"]],
  ["{ listen: [127.0.0.1:5000, unix:/run/nginx.sock], serve: { offload: nginx } }", ["listen", "serve.offload"]],
  ["upstreams: { new.example: { endpoints: [https://new.example] } }", ["upstreams.new.example"]],
  ["upstreams: { quay.io: { enabled: false } }", ["upstreams.quay.io"]],
  ["upstreams: { quay.io: { push: passthrough } }", ["upstreams.quay.io.push"]],
  [
    "upstreams: { quay.io: { endpoints: [https://other.example], bandwidth: 1MiB/s } }",
    ["upstreams.quay.io.bandwidth", "upstreams.quay.io.endpoints"],
  ],
])("waits for a restart: %s", (yaml, needsRestart) => {
  expect(reload("{}", yaml)).toEqual({ changed: [], needsRestart });
});

it("sees that a password is another one, although it is never printed", () => {
  const withPassword = (password: string): string =>
    `upstreams: { quay.io: { credentials: { username: me, password: ${password} } } }`;
  expect(reload(withPassword("one"), withPassword("two"))).toEqual({
    changed: ["upstreams.quay.io.endpoints"],
    needsRestart: [],
  });
});

it("changes policies of an upstream that takes pushes, and leaves what its client is made of", () => {
  const text = (more: string): string => `upstreams: { quay.io: { push: passthrough${more} } }`;
  expect(reload(text(""), text(", deny: [a], bandwidth: 1MiB/s"))).toEqual({
    changed: ["upstreams.quay.io.deny"],
    needsRestart: ["upstreams.quay.io.bandwidth"],
  });
});
