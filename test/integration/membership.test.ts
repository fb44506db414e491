import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { errorOf, sha256 } from "../support/reply.ts";
import { seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let other: TestUpstream;
let instance: Instance;

beforeEach(async () => {
  upstream = await startUpstream({});
  other = await startUpstream({});
  instance = await startInstance({
    settings: {
      upstreams: {
        "docker.io": { endpoints: [upstream.url] },
        "other.example": { endpoints: [other.url] },
      },
    },
  });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
  await other.close();
});

describe("a stored blob asked for through another repository", () => {
  it("is proven there first, and is not downloaded again", async () => {
    const bytes = seededBytes("shared", 2_000_000);
    const digest = upstream.pushBlob("library/one", bytes);
    upstream.pushBlob("library/two", bytes);
    await instance.ask(`/v2/library/one/blobs/${digest}`);
    await instance.settled();
    upstream.requests.clear();
    const reply = await instance.ask(`/v2/library/two/blobs/${digest}`);
    expect([reply.status, sha256(reply.body), reply.headers["cache-status"]]).toEqual([200, digest, "entrepot; hit"]);
    await instance.ask(`/v2/library/two/blobs/${digest}`);
    expect(upstream.requests.filter({ kind: "blob" }).map(({ method }) => method)).toEqual(["HEAD"]);
  });

  it("is proven with a one-byte GET where HEAD is refused", async () => {
    const bytes = seededBytes("shared", 2_000_000);
    const digest = upstream.pushBlob("library/one", bytes);
    upstream.pushBlob("library/two", bytes);
    await instance.ask(`/v2/library/one/blobs/${digest}`);
    await instance.settled();
    upstream.misbehave({ on: "blob", method: "HEAD", temperament: temperaments.status(401) });
    upstream.requests.clear();
    expect((await instance.ask(`/v2/library/two/blobs/${digest}`)).status).toBe(200);
    expect(upstream.requests.filter({ kind: "blob" }).map(({ method, range }) => `${method} ${String(range)}`)).toEqual(
      ["HEAD undefined", "GET bytes=0-0"],
    );
  });

  it("is not served where the upstream does not have it: whole, part, HEAD or manifest", async () => {
    const image = upstream.pushImage("library/private", "1", { layers: [2_000_000] });
    const [layer] = image.layers;
    await instance.ask("/v2/library/private/manifests/1");
    await instance.ask(`/v2/library/private/blobs/${String(layer?.digest)}`);
    const blob = `/v2/library/public/blobs/${String(layer?.digest)}`;
    expect(errorOf(await instance.ask(blob)).code).toBe("BLOB_UNKNOWN");
    expect((await instance.ask(blob, { method: "HEAD" })).status).toBe(404);
    expect((await instance.ask(blob, { headers: { range: "bytes=0-9" } })).status).toBe(404);
    expect((await instance.ask(blob, { headers: { range: "bytes=5-9" } })).status).toBe(404);
    const manifest = `/v2/library/public/manifests/${image.digest}`;
    expect(errorOf(await instance.ask(manifest)).code).toBe("MANIFEST_UNKNOWN");
    expect((await instance.ask(manifest, { method: "HEAD" })).status).toBe(404);
    expect((await instance.ask(`/v2/other.example/library/private/manifests/${image.digest}`)).status).toBe(404);
  });

  it("is refused in words when the upstream cannot say, and the words tell of the copy", async () => {
    const digest = upstream.pushBlob("library/one", seededBytes("x", 100));
    await instance.ask(`/v2/library/one/blobs/${digest}`);
    await instance.settled();
    await upstream.stop();
    const reply = await instance.ask(`/v2/library/two/blobs/${digest}`);
    expect([reply.status, errorOf(reply).detail?.["cached"]]).toEqual([
      502,
      expect.stringContaining("not known to hold it"),
    ]);
    expect((await instance.ask(`/v2/library/one/blobs/${digest}`)).status).toBe(200);
  });

  it("needs no proof where a stored manifest of the repository names it", async () => {
    const shared = seededBytes("shared", 2_000_000);
    const image = upstream.pushImage("library/one", "1", { layers: [shared] });
    upstream.pushImage("library/two", "1", { layers: [shared, 10] });
    const layer = String(image.layers[0]?.digest);
    await instance.ask(`/v2/library/one/blobs/${layer}`);
    await instance.settled();
    await instance.ask("/v2/library/two/manifests/1");
    upstream.requests.clear();
    expect((await instance.ask(`/v2/library/two/blobs/${layer}`)).headers["cache-status"]).toBe("entrepot; hit");
    expect(upstream.requests.entries).toEqual([]);
  });
});

describe("the same layer from two upstreams", () => {
  it("is one file, and each upstream's repository is proven by itself", async () => {
    const bytes = seededBytes("both", 3_000_000);
    const digest = upstream.pushBlob("library/one", bytes);
    other.pushBlob("team/one", bytes);
    await Promise.all([
      instance.ask(`/v2/library/one/blobs/${digest}`),
      instance.ask(`/v2/other.example/team/one/blobs/${digest}`),
    ]);
    await instance.settled();
    await upstream.stop();
    expect((await instance.ask(`/v2/library/one/blobs/${digest}`)).status).toBe(200);
    expect((await instance.ask(`/v2/other.example/team/one/blobs/${digest}`)).status).toBe(200);
    expect(await instance.metric("entrepot_store_blobs")).toBe(1);
    expect(await instance.metric("entrepot_store_bytes")).toBe(3_000_000);
    expect(await instance.metric("entrepot_store_reserved_bytes")).toBe(0);
  });
});

describe("a HEAD of a blob that is not stored", () => {
  it("is answered from the descriptor of a stored manifest without asking anyone", async () => {
    const image = upstream.pushImage("library/one", "1", { layers: [1234] });
    await instance.ask("/v2/library/one/manifests/1");
    upstream.requests.clear();
    const reply = await instance.ask(`/v2/library/one/blobs/${String(image.layers[0]?.digest)}`, { method: "HEAD" });
    expect([reply.status, reply.headers["content-length"]]).toEqual([200, "1234"]);
    expect(upstream.requests.entries).toEqual([]);
  });

  it("of a manifest's digest is 404: containerd would take its type for the truth", async () => {
    const image = upstream.pushImage("library/one", "1");
    await instance.ask("/v2/library/one/manifests/1");
    expect((await instance.ask(`/v2/library/one/blobs/${image.digest}`, { method: "HEAD" })).status).toBe(404);
    expect((await instance.ask(`/v2/library/one/blobs/${image.digest}`)).status).toBe(404);
  });
});
