import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { UpstreamEntry } from "../../../src/config/index.ts";
import { faultsOf, load, withFiles } from "./config-file.ts";

function upstream(yaml: string, name: string): UpstreamEntry | undefined {
  return load(yaml).upstreams.find((entry) => entry.name === name);
}

describe("upstreams", () => {
  it("adds a configured one to the built-in ones, at https unless told otherwise", () => {
    const settings = load("upstreams: { Registry.Corp.example:5443: {} }");
    expect(settings.upstreams).toHaveLength(11);
    expect(settings.upstreams[10]).toMatchObject({
      name: "registry.corp.example:5443",
      endpoints: [{ url: "https://registry.corp.example:5443" }],
    });
  });

  it("keeps the endpoint and token host of a built-in one that is given credentials", () => {
    expect(
      upstream("upstreams: { docker.io: { credentials: { username: me, password: pw } } }", "docker.io"),
    ).toMatchObject({
      endpoints: [
        { url: "https://registry-1.docker.io", credentials: [{ kind: "basic", username: "me", password: "pw" }] },
      ],
      tokenHosts: [],
    });
  });

  it("never gives the upstream's credentials to a mirror", () => {
    const yaml = `
upstreams:
  docker.io:
    endpoints:
      - https://registry-1.docker.io/
      - { url: https://mirror.gcr.io }
      - { url: "http://mirror.lan:5000/hub", credentials: { token: t2 } }
    credentials: { token: t1 }`;
    expect(upstream(yaml, "docker.io")?.endpoints).toEqual([
      { url: "https://registry-1.docker.io", credentials: [{ kind: "bearer", token: "t1" }] },
      { url: "https://mirror.gcr.io", credentials: [] },
      { url: "http://mirror.lan:5000/hub", credentials: [{ kind: "bearer", token: "t2" }] },
    ]);
  });

  it("reads certificates from their files, and leaves passwords in theirs until they are used", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----";
    const directory = withFiles({ password: "se cret\n", "ca.pem": `${pem}\n` });
    const yaml = `
upstreams:
  lab.local:
    credentials: { username: me, passwordFile: "${join(directory, "password")}" }
    tls: { caFile: "${join(directory, "ca.pem")}" }`;
    expect(upstream(yaml, "lab.local")).toMatchObject({
      endpoints: [{ credentials: [{ kind: "password-file", username: "me", file: join(directory, "password") }] }],
      ca: pem,
    });
  });

  it("reads everything else that may stand there", () => {
    const yaml = `
upstreams:
  docker.io:
    tokenHosts: [auth.docker.io, "Auth.Corp:8443"]
    redirects: { allowPrivate: true }
    hostnames: [hub.cache.example]
    listen: "127.0.0.1:5010"
    proxy: http://user:pw@proxy.example:3128
    enabled: true
    push: passthrough
    anonymousFallback: false
    bandwidth: 0
    allow: []`;
    expect(upstream(yaml, "docker.io")).toMatchObject({
      tokenHosts: ["auth.docker.io", "auth.corp:8443"],
      allowPrivateRedirects: true,
      hostnames: ["hub.cache.example"],
      listen: [{ kind: "tcp", host: "127.0.0.1", port: 5010 }],
      proxy: "http://user:pw@proxy.example:3128/",
      push: "passthrough",
    });
  });

  it("puts an upstream's own tags and limits over the global ones, key by key", () => {
    const yaml = `
tags: { freshFor: 5m, onGone: keep }
limits: { attempts: 3 }
upstreams: { ghcr.io: { tags: { freshFor: 1h }, limits: { maxBlobSize: 1GiB } } }`;
    expect(upstream(yaml, "ghcr.io")?.tags).toMatchObject({
      freshForMs: 3_600_000,
      onGone: "keep",
      onDenied: "refuse",
    });
    expect(upstream(yaml, "ghcr.io")?.limits).toMatchObject({ attempts: 3, maxBlobSizeBytes: 1024 ** 3 });
    expect(upstream(yaml, "quay.io")?.tags).toMatchObject({ freshForMs: 300_000, onGone: "keep" });
  });

  it("shortens defaults, but not what was written, to the time an answer may take", () => {
    expect(upstream("limits: { answerWithin: 1s }", "quay.io")).toMatchObject({
      limits: { headerTimeoutMs: 1000 },
      tags: { staleAfterMs: 1000 },
    });
    expect(faultsOf("limits: { answerWithin: 1s, headerTimeout: 2s }")).toEqual([
      { path: "limits.headerTimeout", message: "must not be longer than limits.answerWithin (1000 ms)" },
    ]);
  });

  it("removes one that is not enabled, whatever else it says", () => {
    const settings = load(
      "upstreams: { quay.io: { enabled: false, credentials: { username: a, passwordFile: /nowhere } } }",
    );
    expect(settings.upstreams.map((entry) => entry.name)).not.toContain("quay.io");
  });
});

describe("upstreams that contradict each other", () => {
  it.each([
    [
      "upstreams: { a.b_5443: {}, a.b:5443: {} }",
      "upstreams.a.b:5443",
      "written in a path it would be a.b_5443, as a.b_5443 is",
    ],
    ["upstreams: { quay.io: {}, Quay.IO: {} }", "upstreams.Quay.IO", "stands twice: names compare without case"],
    [
      "upstreams: { quay.io: { hostnames: [c.lan] }, ghcr.io: { hostnames: [C.lan] } }",
      "upstreams.quay.io.hostnames",
      "c.lan is bound to ghcr.io already",
    ],
    [
      "upstreams: { quay.io: { listen: '127.0.0.1:5000' } }",
      "upstreams.quay.io.listen",
      "127.0.0.1:5000 is taken by listen (127.0.0.1:5000)",
    ],
    ["listen: 127.0.0.1:5001", "admin.listen", "127.0.0.1:5001 is taken by listen (127.0.0.1:5001)"],
    ["defaultUpstream: quay.oi", "defaultUpstream", "quay.oi is not an enabled upstream; did you mean quay.io?"],
    ["upstreams: { docker.io: { enabled: false } }", "defaultUpstream", "docker.io is not an enabled upstream"],
  ])("refuses %s", (yaml, path, message) => {
    expect(faultsOf(yaml)).toEqual([{ path, message }]);
  });
});

describe("endpoints", () => {
  it.each([
    "ftp://h",
    "ghcr.io",
    "https://user:hunter2@h",
    "https://hunter2@h",
    "https://h/?hunter2=1",
    "https://h/?",
    "https://h/#hunter2",
    "https://h/v2/",
  ])("refuses %s without quoting it", (url) => {
    expect(faultsOf(`upstreams: { lab.local: { endpoints: ["${url}"] } }`)).toEqual([
      {
        path: "upstreams.lab.local.endpoints[0].url",
        message: "must be an http or https URL such as https://ghcr.io, without user, query, hash or /v2",
      },
    ]);
  });

  it("refuses a list without any", () => {
    expect(faultsOf("upstreams: { lab.local: { endpoints: [] } }")).toEqual([
      { path: "upstreams.lab.local.endpoints", message: "must name at least one URL" },
    ]);
  });
});
