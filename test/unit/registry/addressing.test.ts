import { parseNamespace } from "../../../src/registry/addressing.ts";
import { describe, expect, test } from "vitest";
import { meant } from "./address-book.ts";
import { refusalOf } from "./refusal.ts";

describe("a plain name", () => {
  test("belongs to the default upstream, as legacy dockerd means it", () => {
    expect(meant("grafana/grafana")).toBe("docker.io grafana/grafana");
    expect(meant("a/b/c")).toBe("docker.io a/b/c");
  });

  test("of one part is an official image on docker.io", () => {
    expect(meant("alpine")).toBe("docker.io library/alpine");
    expect(meant("library/alpine")).toBe("docker.io library/alpine");
  });

  test("gets `library/` only for one part, and only on docker.io", () => {
    expect(meant("library")).toBe("docker.io library/library");
    expect(meant("grafana/alpine")).toBe("docker.io grafana/alpine");
    expect(meant("alpine", { defaultUpstream: "ghcr.io" })).toBe("ghcr.io alpine");
  });

  test("whose first part equals an upstream without a dot is still a Hub organisation", () => {
    expect(meant("intranet/app")).toBe("docker.io intranet/app");
    expect(meant("localhost_5000/app")).toBe("docker.io localhost_5000/app");
    expect(meant("ghcr/app")).toBe("docker.io ghcr/app");
  });

  test("may have dots behind its first part", () => {
    expect(meant("org/app.js")).toBe("docker.io org/app.js");
    expect(meant("org/ghcr.io/app")).toBe("docker.io org/ghcr.io/app");
  });
});

describe("a name with a registry in front", () => {
  test("belongs to that registry", () => {
    expect(meant("ghcr.io/org/app")).toBe("ghcr.io org/app");
    expect(meant("docker.io/library/alpine")).toBe("docker.io library/alpine");
    expect(meant("docker.io/grafana/grafana")).toBe("docker.io grafana/grafana");
  });

  test("gets `library/` behind docker.io alone", () => {
    expect(meant("docker.io/alpine")).toBe("docker.io library/alpine");
    expect(meant("ghcr.io/alpine")).toBe("ghcr.io alpine");
  });

  test("may call Docker Hub by its other names", () => {
    expect(meant("index.docker.io/library/alpine")).toBe("docker.io library/alpine");
    expect(meant("registry-1.docker.io/alpine")).toBe("docker.io library/alpine");
  });

  test("knows no other aliases, and none where docker.io itself is not configured", () => {
    for (const name of ["hub.docker.io/a/b", "www.docker.io/a/b", "auth.docker.io/a/b", "docker.com/a/b"]) {
      expect(refusalOf(() => meant(name)).code).toBe("NAME_UNKNOWN");
    }
    const refusal = refusalOf(() =>
      meant("index.docker.io/a/b", { upstreams: ["ghcr.io"], defaultUpstream: "ghcr.io" }),
    );
    expect(refusal.code).toBe("NAME_UNKNOWN");
  });

  test("writes a port with an underscore, and the port is part of the name", () => {
    expect(meant("registry.corp.example_5443/app")).toBe("registry.corp.example:5443 app");
    expect(meant("registry.corp.example/app")).toBe("registry.corp.example app");
    expect(refusalOf(() => meant("registry.corp.example_5000/app")).code).toBe("NAME_UNKNOWN");
    expect(refusalOf(() => meant("ghcr.io_443/app")).code).toBe("NAME_UNKNOWN");
  });

  test("loses that registry once, not twice", () => {
    expect(meant("ghcr.io/ghcr.io/app")).toBe("ghcr.io ghcr.io/app");
    expect(meant("docker.io/docker.io/app")).toBe("docker.io docker.io/app");
    expect(meant("docker.io/ghcr.io/app")).toBe("docker.io ghcr.io/app");
    expect(meant("docker.io/index.docker.io/app")).toBe("docker.io index.docker.io/app");
  });

  test("that is not configured is refused, never looked for on Docker Hub", () => {
    for (const name of ["gcr.io/org/app", "evil.example/library/alpine", "ghcr.io.evil.example/app", "10.0.0.1/app"]) {
      expect(refusalOf(() => meant(name)).code).toBe("NAME_UNKNOWN");
    }
  });

  test("and nothing behind it is refused", () => {
    for (const name of ["ghcr.io", "docker.io", "nothing.configured", "alpine.old"]) {
      expect(refusalOf(() => meant(name)).code).toBe("NAME_UNKNOWN");
    }
  });

  test("is not on the default upstream, whichever that is", () => {
    expect(meant("docker.io/alpine", { defaultUpstream: "ghcr.io" })).toBe("docker.io library/alpine");
    expect(refusalOf(() => meant("gcr.io/app", { defaultUpstream: "ghcr.io" })).code).toBe("NAME_UNKNOWN");
  });
});

describe("a name on an address that is bound to one upstream", () => {
  test("is the plain repository, whatever its first part looks like", () => {
    expect(meant("org/app", { bound: "ghcr.io" })).toBe("ghcr.io org/app");
    expect(meant("app", { bound: "ghcr.io" })).toBe("ghcr.io app");
    expect(meant("alpine", { bound: "docker.io" })).toBe("docker.io library/alpine");
    expect(meant("quay.io/org/app", { bound: "ghcr.io" })).toBe("ghcr.io quay.io/org/app");
    expect(meant("not.configured/app", { bound: "ghcr.io" })).toBe("ghcr.io not.configured/app");
  });
});

describe("an upstream that is not configured", () => {
  test("is named in the refusal, with those that are", () => {
    const refusal = refusalOf(() => meant("gcr.io/org/app"));
    expect(refusal.status).toBe(404);
    expect(refusal.detail).toEqual({
      registry: "gcr.io",
      upstreams: [
        "docker.io",
        "ghcr.io",
        "intranet",
        "localhost:5000",
        "quay.io",
        "registry.corp.example",
        "registry.corp.example:5443",
      ],
    });
  });

  test.each(["\u001b[31mevil", "evil\u202e.example", "a b", "a/b", "", "-a", "x".repeat(300), "a:b", "a:123456"])(
    "is refused in words where `ns` is no host: %j",
    (ns) => {
      expect(() => parseNamespace(ns)).toThrow(expect.objectContaining({ code: "NAME_INVALID" }));
    },
  );
});
