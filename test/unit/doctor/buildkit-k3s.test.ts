import { describe, expect, it } from "vitest";
import { filesOfSnippets, routesOf } from "./machine.ts";

const toml = "/etc/buildkit/buildkitd.toml";
const yaml = "/etc/rancher/k3s/registries.yaml";

describe("buildkitd", () => {
  it("comes through with the snippet as it is printed", async () => {
    expect(await routesOf("buildkit", filesOfSnippets("buildkit"))).toEqual({ "docker.io": true, "ghcr.io": true });
  });

  it.each([
    ["no file", undefined, /no such file/],
    ["TOML that does not parse", '[registry."docker.io"', /is not TOML.*does not start/],
    ["no mirror for the registry", '[registry."quay.io"]\nmirrors = ["cache:5000"]', /names no mirror for docker\.io/],
    ["plain http that is not said", '[registry."docker.io"]\nmirrors = ["cache:5000"]', /needs http = true/],
    ["another port", '[registry."docker.io"]\nmirrors = ["127.0.0.1:5001"]', /leads nowhere/],
    [
      "another registry's path",
      '[registry."docker.io"]\nmirrors = ["127.0.0.1:5000/quay.io"]',
      /has a path that is not docker\.io/,
    ],
    ["a certificate that is not trusted", '[registry."docker.io"]\nmirrors = ["secure"]', /needs ca/],
  ])("does not come through with %s", async (_what, text, words) => {
    expect((await routesOf("buildkit", text === undefined ? {} : { [toml]: text }))["docker.io"]).toMatch(words);
  });

  it.each([
    ["loopback, which needs no http = true", '[registry."docker.io"]\nmirrors = ["127.0.0.1:5000"]'],
    ["the registry's name as a path", '[registry."docker.io"]\nmirrors = ["127.0.0.1:5000/docker.io"]'],
    ["a scheme, which it cuts off", '[registry."docker.io"]\nmirrors = ["http://127.0.0.1:5000"]'],
    ["a ca", '[registry."docker.io"]\nmirrors = ["secure"]\n[registry."secure"]\nca = ["/etc/ssl/cache.pem"]'],
  ])("comes through with %s", async (_what, text) => {
    expect((await routesOf("buildkit", { [toml]: text }))["docker.io"]).toBe(true);
  });
});

describe("k3s", () => {
  it("comes through with the snippet as it is printed", async () => {
    expect(await routesOf("k3s", filesOfSnippets("k3s"))).toEqual({ "docker.io": true, "ghcr.io": true });
  });

  it("reads RKE2's file where there is none of k3s", async () => {
    const [text] = Object.values(filesOfSnippets("k3s"));
    expect(await routesOf("k3s", { "/etc/rancher/rke2/registries.yaml": text ?? "" })).toMatchObject({
      "docker.io": true,
    });
  });

  it.each([
    ["no file", undefined, /no such file/],
    ["YAML that does not parse", 'mirrors: { "*": [', /is not YAML \(line 1\)/],
    [
      "an entry that hides *",
      'mirrors: { "*": { endpoint: ["http://cache:5000"] }, docker.io: {} }',
      /has no endpoint, and hides/,
    ],
    ["no mirror", "configs: {}", /no mirror is for docker\.io/],
    ["no scheme", 'mirrors: { "*": { endpoint: ["cache:5000"] } }', /must begin with http/],
    ["another port", 'mirrors: { "*": { endpoint: ["http://cache:5001"] } }', /leads nowhere/],
    ["https for plain http", 'mirrors: { "*": { endpoint: ["https://cache:5000"] } }', /speaks plain http/],
    ["a path", 'mirrors: { "*": { endpoint: ["http://cache:5000/docker.io"] } }', /write it without/],
    [
      "a rewrite to elsewhere",
      'mirrors: { docker.io: { endpoint: ["http://cache:5000"], rewrite: { "^(.*)$": "hub/$1" } } }',
      /rewritten to hub/,
    ],
    ["a certificate that is not trusted", 'mirrors: { "*": { endpoint: ["https://secure"] } }', /need a ca_file/],
  ])("does not come through with %s", async (_what, text, words) => {
    expect((await routesOf("k3s", text === undefined ? {} : { [yaml]: text }))["docker.io"]).toMatch(words);
  });

  it.each([
    ["the registry's own entry", 'mirrors: { docker.io: { endpoint: ["http://cache:5000"] } }'],
    [
      "a rewrite to the path form",
      'mirrors: { docker.io: { endpoint: ["http://cache:5000"], rewrite: { "^(.*)$": "docker.io/$1" } } }',
    ],
    [
      "a CA",
      'mirrors: { docker.io: { endpoint: ["https://secure"] } }\nconfigs: { secure: { tls: { ca_file: /etc/ssl/cache.pem } } }',
    ],
  ])("comes through with %s", async (_what, text) => {
    expect((await routesOf("k3s", { [yaml]: text }))["docker.io"]).toBe(true);
  });
});
