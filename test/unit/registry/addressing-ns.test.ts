import { describe, expect, test } from "vitest";
import { boundUpstream } from "../../../src/registry/addressing.ts";
import { book, meant } from "./address-book.ts";
import { refusalOf } from "./refusal.ts";

describe("a name with `ns`", () => {
  test("belongs to the registry that `ns` names", () => {
    expect(meant("org/app", { ns: "ghcr.io" })).toBe("ghcr.io org/app");
    expect(meant("app", { ns: "quay.io" })).toBe("quay.io app");
    expect(meant("app", { ns: "intranet" })).toBe("intranet app");
  });

  test("compares hosts without case", () => {
    expect(meant("org/app", { ns: "GHCR.io" })).toBe("ghcr.io org/app");
    expect(meant("ghcr.io/org/app", { ns: "GHCR.IO" })).toBe("ghcr.io org/app");
  });

  test("has the port as part of the host", () => {
    expect(meant("app", { ns: "registry.corp.example:5443" })).toBe("registry.corp.example:5443 app");
    expect(meant("app", { ns: "registry.corp.example" })).toBe("registry.corp.example app");
    expect(meant("app", { ns: "localhost:5000" })).toBe("localhost:5000 app");
    for (const ns of ["ghcr.io:443", "registry.corp.example:5000", "registry.corp.example_5443", "localhost"]) {
      expect(refusalOf(() => meant("app", { ns })).code).toBe("NAME_UNKNOWN");
    }
  });

  test("calls Docker Hub by its other names too, and its official images by one part", () => {
    for (const ns of ["docker.io", "index.docker.io", "registry-1.docker.io", "Docker.IO"]) {
      expect(meant("alpine", { ns })).toBe("docker.io library/alpine");
      expect(meant("library/alpine", { ns })).toBe("docker.io library/alpine");
    }
    expect(meant("alpine", { ns: "ghcr.io" })).toBe("ghcr.io alpine");
  });

  test("wins over the default upstream", () => {
    expect(meant("alpine", { ns: "docker.io", defaultUpstream: "ghcr.io" })).toBe("docker.io library/alpine");
  });

  test("that is not configured, or empty, is refused and never chooses a host", () => {
    for (const ns of ["gcr.io", "", "evil.example", "127.0.0.1:5000", "ghcr.io/org", "ghcr.io ", "docker.io.", "*"]) {
      expect([ns, refusalOf(() => meant("ghcr.io/org/app", { ns })).code]).toEqual([ns, "NAME_UNKNOWN"]);
    }
  });

  test("may have a repository whose first part has a dot", () => {
    expect(meant("not.configured/app", { ns: "ghcr.io" })).toBe("ghcr.io not.configured/app");
    expect(meant("alpine.old", { ns: "docker.io" })).toBe("docker.io library/alpine.old");
  });
});

describe("a name with `ns` and a prefix, as BuildKit sends it", () => {
  test("loses the prefix that says the same", () => {
    expect(meant("ghcr.io/org/app", { ns: "ghcr.io" })).toBe("ghcr.io org/app");
    expect(meant("docker.io/library/alpine", { ns: "docker.io" })).toBe("docker.io library/alpine");
    expect(meant("docker.io/alpine", { ns: "docker.io" })).toBe("docker.io library/alpine");
    expect(meant("registry.corp.example_5443/app", { ns: "registry.corp.example:5443" })).toBe(
      "registry.corp.example:5443 app",
    );
  });

  test("loses any name of Docker Hub under any other", () => {
    expect(meant("index.docker.io/library/alpine", { ns: "docker.io" })).toBe("docker.io library/alpine");
    expect(meant("registry-1.docker.io/library/alpine", { ns: "docker.io" })).toBe("docker.io library/alpine");
    expect(meant("docker.io/library/alpine", { ns: "index.docker.io" })).toBe("docker.io library/alpine");
  });

  test("loses it once", () => {
    expect(meant("ghcr.io/ghcr.io/app", { ns: "ghcr.io" })).toBe("ghcr.io ghcr.io/app");
    expect(meant("docker.io/index.docker.io/app", { ns: "docker.io" })).toBe("docker.io index.docker.io/app");
  });

  test("keeps a prefix that says something else: it is part of the repository", () => {
    expect(meant("quay.io/org/app", { ns: "ghcr.io" })).toBe("ghcr.io quay.io/org/app");
    expect(meant("docker.io/library/alpine", { ns: "ghcr.io" })).toBe("ghcr.io docker.io/library/alpine");
    expect(meant("registry.corp.example/app", { ns: "registry.corp.example:5443" })).toBe(
      "registry.corp.example:5443 registry.corp.example/app",
    );
    expect(meant("registry.corp.example_5443/app", { ns: "registry.corp.example" })).toBe(
      "registry.corp.example registry.corp.example_5443/app",
    );
  });

  test("keeps a first part without a dot, even where it equals the `ns` host", () => {
    expect(meant("intranet/app", { ns: "intranet" })).toBe("intranet intranet/app");
    expect(meant("localhost_5000/app", { ns: "localhost:5000" })).toBe("localhost:5000 localhost_5000/app");
  });

  test("keeps the host where there is nothing behind it", () => {
    expect(meant("ghcr.io", { ns: "ghcr.io" })).toBe("ghcr.io ghcr.io");
    expect(meant("docker.io", { ns: "docker.io" })).toBe("docker.io library/docker.io");
  });
});

describe("a name with `ns` on a bound address", () => {
  test("is served where both say the same", () => {
    expect(meant("org/app", { ns: "ghcr.io", bound: "ghcr.io" })).toBe("ghcr.io org/app");
    expect(meant("alpine", { ns: "index.docker.io", bound: "docker.io" })).toBe("docker.io library/alpine");
    expect(meant("ghcr.io/org/app", { ns: "ghcr.io", bound: "ghcr.io" })).toBe("ghcr.io org/app");
  });

  test("is refused where they differ: neither may win silently", () => {
    const refusal = refusalOf(() => meant("org/app", { ns: "quay.io", bound: "ghcr.io" }));
    expect([refusal.code, refusal.detail]).toEqual(["NAME_UNKNOWN", { upstreams: ["ghcr.io"] }]);
    expect(refusalOf(() => meant("org/app", { ns: "gcr.io", bound: "ghcr.io" })).code).toBe("NAME_UNKNOWN");
  });
});

describe("a Host header", () => {
  test("binds to the upstream whose host name it is, without case and without its port", () => {
    expect(boundUpstream(book, "ghcr.cache.example")).toBe("ghcr.io");
    expect(boundUpstream(book, "GHCR.cache.Example:5000")).toBe("ghcr.io");
    expect(boundUpstream(book, "hub.cache.example:443")).toBe("docker.io");
  });

  test("binds to nothing otherwise, not even where it is the name of an upstream", () => {
    for (const host of [
      undefined,
      "",
      "ghcr.io",
      "docker.io:443",
      "cache.example",
      "x.ghcr.cache.example",
      "[::1]:5000",
    ]) {
      expect([host, boundUpstream(book, host)]).toEqual([host, undefined]);
    }
  });
});
