import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatSettings, loadSettings } from "../../../src/config/index.ts";
import { load, withFiles } from "./config-file.ts";

describe("printed settings", () => {
  it("hold no secret, wherever it came from", () => {
    const directory = withFiles({ password: "hunter2-in-file" });
    const environment = { HUB_TOKEN: "hunter2-in-variable" };
    const printed = formatSettings(
      load(
        `
upstreams:
  docker.io: { credentials: { username: me, password: hunter2-password } }
  ghcr.io: { credentials: { token: hunter2-token } }
  quay.io: { credentials: { username: me, passwordFile: "${join(directory, "password")}" } }
  gcr.io:
    endpoints: [https://gcr.io, { url: https://mirror.example, credentials: { token: hunter2-mirror } }]
    proxy: http://user:hunter2-proxy@proxy.example:3128
  lab.local:
    credentials:
      - { match: ["team/**"], tokenEnv: HUB_TOKEN }
      - { username: me, command: [/bin/sh, -c, "echo hunter2-argument"] }`,
        environment,
      ),
    );
    expect(printed).not.toContain("hunter2");
    expect(printed.match(/\(redacted\)/g)).toHaveLength(5);
    expect(printed).toContain("http://redacted@proxy.example:3128/");
    expect(printed).toContain(`passwordFile: ${join(directory, "password")}`);
    expect(printed).toContain("tokenEnv: HUB_TOKEN");
  });

  it("give the same settings when they are loaded", () => {
    const file = join(withFiles({ password: "hunter2" }), "password");
    const settings = load(`
listen: ["127.0.0.1:5000", "[::1]:5000", "unix:/run/e.sock"]
admin: { listen: "127.0.0.1:6001", tokenFile: /run/token }
metrics: { listen: "0.0.0.0:9100" }
storage: { maxSize: 200GiB, minFree: 7%, highWatermark: 57%, lowWatermark: 29% }
eviction: { leaseFor: 90s, orphanGrace: 0 }
pins: ["docker.io/alpine:3", { image: "ghcr.io/org/**:v*", platforms: [linux/arm64/v8, linux/armhf] }]
scrub: { every: 0, rate: 1MB/s, verifyOnRead: never }
serve: { minRate: 0, idleTimeout: 90s }
tags: { freshFor: 1500ms, cooldown: 0s, onDenied: keep }
limits: { maxBlobSize: 500MB }
upstreams:
  lab.local:5443: { endpoints: ["http://127.0.0.1:5100"], hostnames: [lab.cache], listen: "127.0.0.1:5011" }
  ghcr.io:
    credentials: [{ match: ["a/**", b], tokenFile: "${file}" }, { username: me, passwordFile: "${file}" }]
    anonymousFallback: true
  quay.io: { enabled: true, quota: { keepBack: 7% }, redirects: { allowPrivate: true } }`);
    expect(load(formatSettings(settings))).toEqual(settings);
    const defaults = loadSettings({ environment: {} });
    expect(load(formatSettings(defaults))).toEqual(defaults);
  });
});
