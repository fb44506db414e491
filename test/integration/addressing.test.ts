import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

/** Three registries with a repository of the same name, and different images in it. */
const names = ["docker.io", "ghcr.io", "registry.corp.example:5443"] as const;
type Name = (typeof names)[number];
let upstreams: Record<Name, TestUpstream>;
let images: Record<Name, PushedImage>;
let instance: Instance;

beforeAll(async () => {
  const started = await Promise.all(names.map(() => startUpstream({})));
  upstreams = Object.fromEntries(names.map((name, at) => [name, started[at]])) as typeof upstreams;
  const push = (name: Name, at: number): PushedImage =>
    upstreams[name].pushImage("org/app", "1", { layers: [2000 + at] });
  images = Object.fromEntries(names.map((name, at) => [name, push(name, at)])) as typeof images;
  upstreams["docker.io"].pushImage("library/alpine", "3");
  instance = await startInstance({
    settings: {
      tags: { freshFor: "1h" },
      upstreams: {
        "docker.io": { endpoints: [upstreams["docker.io"].url] },
        "ghcr.io": {
          endpoints: [upstreams["ghcr.io"].url],
          hostnames: ["ghcr.cache.example"],
          listen: "127.0.0.1:0",
        },
        "registry.corp.example:5443": { endpoints: [upstreams["registry.corp.example:5443"].url] },
      },
    },
  });
});

afterAll(async () => {
  await instance.remove();
  await Promise.all(names.map((name) => upstreams[name].close()));
});

beforeEach(() => {
  for (const name of names) upstreams[name].requests.clear();
});

function errorOf(reply: Reply): { code: string; detail: Record<string, unknown> } {
  const document = JSON.parse(reply.body.toString()) as { errors: [{ code: string; detail: Record<string, unknown> }] };
  return document.errors[0];
}

/** Requests that reached any of the upstreams. */
function asked(): number {
  return names.reduce((sum, name) => sum + upstreams[name].requests.count(), 0);
}

describe("one image, in all the ways to ask for it", () => {
  test.each<[string, Name, string]>([
    ["plainly", "docker.io", "/v2/org/app/manifests/1"],
    ["with a prefix", "ghcr.io", "/v2/ghcr.io/org/app/manifests/1"],
    ["with a prefix and a port", "registry.corp.example:5443", "/v2/registry.corp.example_5443/org/app/manifests/1"],
    ["with `ns`", "ghcr.io", "/v2/org/app/manifests/1?ns=ghcr.io"],
    ["with `ns` in upper case", "ghcr.io", "/v2/org/app/manifests/1?ns=GHCR.IO"],
    [
      "with `ns` and an escaped port",
      "registry.corp.example:5443",
      "/v2/org/app/manifests/1?ns=registry.corp.example%3A5443",
    ],
    ["with both, as BuildKit does", "ghcr.io", "/v2/ghcr.io/org/app/manifests/1?ns=ghcr.io"],
    ["with an older name of Docker Hub", "docker.io", "/v2/org/app/manifests/1?ns=registry-1.docker.io"],
    ["with that name in the path", "docker.io", "/v2/index.docker.io/org/app/manifests/1?ns=docker.io"],
  ])("%s, is that of %s", async (_, name, path) => {
    const reply = await instance.ask(path);
    expect([reply.status, reply.headers["docker-content-digest"]]).toEqual([200, images[name].digest]);
    expect(reply.body.equals(images[name].manifest)).toBe(true);
    for (const other of names.filter((one) => one !== name)) expect(upstreams[other].requests.count()).toBe(0);
  });

  test("is one image in the cache: the second way asks no upstream", async () => {
    const layer = images["ghcr.io"].layers[0]?.digest ?? "";
    const status = async (): Promise<unknown> =>
      (await instance.ask(`/v2/ghcr.io/org/app/blobs/${layer}`)).headers["cache-status"];
    // The last byte goes out before the commit: it is a hit a moment later.
    await expect.poll(status).toBe("entrepot; hit");
    upstreams["ghcr.io"].requests.clear();
    for (const path of [`/v2/org/app/blobs/${layer}?ns=ghcr.io`, `/v2/ghcr.io/org/app/blobs/${layer}?ns=ghcr.io`]) {
      expect((await instance.ask(path)).headers["cache-status"]).toBe("entrepot; hit");
    }
    expect(asked()).toBe(0);
  });

  test("is an official image where its name has one part, on Docker Hub alone", async () => {
    for (const path of [
      "/v2/alpine/manifests/3",
      "/v2/docker.io/alpine/manifests/3",
      "/v2/alpine/manifests/3?ns=docker.io",
    ]) {
      expect((await instance.ask(path)).status).toBe(200);
    }
    expect((await instance.ask("/v2/alpine/manifests/3?ns=ghcr.io")).status).toBe(404);
    expect(upstreams["ghcr.io"].requests.filter().every(({ repository }) => repository === "alpine")).toBe(true);
  });

  test("is not to be had from another registry by its digest", async () => {
    await instance.ask("/v2/ghcr.io/org/app/manifests/1");
    const { digest } = images["ghcr.io"];
    expect((await instance.ask(`/v2/org/app/manifests/${digest}?ns=docker.io`)).status).toBe(404);
  });
});

describe("an address that is bound to one upstream", () => {
  test("serves that one by its host name", async () => {
    const headers = { host: "GHCR.cache.example:5000" };
    const reply = await instance.ask("/v2/org/app/manifests/1", { headers });
    expect(reply.headers["docker-content-digest"]).toBe(images["ghcr.io"].digest);
    const other = await instance.ask("/v2/org/app/manifests/1?ns=docker.io", { headers });
    expect([other.status, errorOf(other)]).toEqual([
      404,
      expect.objectContaining({ code: "NAME_UNKNOWN", detail: { upstreams: ["ghcr.io"] } }),
    ]);
  });

  test("serves that one on its port", async () => {
    const url = `http://${String(instance.app.addresses.bound["ghcr.io"]?.[0])}`;
    for (const query of ["", "?ns=ghcr.io"]) {
      const reply = await fetch(`${url}/v2/org/app/manifests/1${query}`);
      expect(reply.headers.get("docker-content-digest")).toBe(images["ghcr.io"].digest);
      await reply.arrayBuffer();
    }
    const other = await fetch(`${url}/v2/org/app/manifests/1?ns=docker.io`);
    expect(other.status).toBe(404);
    await other.arrayBuffer();
    expect(upstreams["docker.io"].requests.count()).toBe(0);
  });

  test("is bound by the Host header of a configured name only", async () => {
    const reply = await instance.ask("/v2/org/app/manifests/1", { headers: { host: "ghcr.io" } });
    expect(reply.headers["docker-content-digest"]).toBe(images["docker.io"].digest);
  });
});

describe("a registry that is not configured", () => {
  test.each(["/v2/evil.example/org/app/manifests/1", "/v2/org/app/manifests/1?ns=evil.example"])(
    "is refused, with the list of those that are: %s",
    async (path) => {
      const reply = await instance.ask(path);
      const { code, detail } = errorOf(reply);
      expect([reply.status, code]).toEqual([404, "NAME_UNKNOWN"]);
      expect(detail["upstreams"]).toEqual(expect.arrayContaining([...names]));
      expect(asked()).toBe(0);
    },
  );
});

describe("OCI-Namespace", () => {
  test("repeats `ns` as it was sent, whatever the answer", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    for (const [path, ns] of [
      ["/v2/org/app/manifests/1", "ghcr.io"],
      ["/v2/org/app/manifests/1", "GHCR.io"],
      ["/v2/org/app/manifests/none", "ghcr.io"],
      [`/v2/org/app/blobs/${digest}`, "ghcr.io"],
      ["/v2/org/app/tags/list", "registry.corp.example:5443"],
      [`/v2/org/app/referrers/${digest}`, "docker.io"],
    ] as const) {
      const reply = await instance.ask(`${path}?ns=${encodeURIComponent(ns)}`);
      expect([path, reply.headers["oci-namespace"]]).toEqual([path, ns]);
    }
  });

  test("is absent without `ns`, and for a value that is no host", async () => {
    expect((await instance.ask("/v2/ghcr.io/org/app/manifests/1")).headers["oci-namespace"]).toBeUndefined();
    const reply = await instance.ask("/v2/org/app/manifests/1?ns=a%0d%0aSet-Cookie:%20x");
    expect([reply.status, reply.headers["oci-namespace"], reply.headers["set-cookie"]]).toEqual([
      400,
      undefined,
      undefined,
    ]);
  });
});
