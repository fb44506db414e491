import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { digestOf, mediaTypes, type Digest } from "../../src/oci/index.ts";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { seededBytes, startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

const body = seededBytes("conditionals", 3_000_000);
let upstream: TestUpstream;
let instance: Instance;
let image: PushedImage;
let digest: Digest;

beforeAll(async () => {
  upstream = await startUpstream({});
  image = upstream.pushImage("library/demo", "1", { layers: [body] });
  digest = image.layers[0]?.digest ?? digestOf(body);
  const settings = { tags: { freshFor: "1h" }, upstreams: { "docker.io": { endpoints: [upstream.url] } } };
  instance = await startInstance({ settings });
  await instance.ask("/v2/library/demo/manifests/1");
  await vi.waitUntil(async () => (await blob()).headers["cache-status"] === "entrepot; hit");
});

afterAll(async () => {
  await instance.remove();
  await upstream.close();
});

beforeEach(() => {
  upstream.requests.clear();
});

function blob(headers: Record<string, string> = {}, method = "GET"): Promise<Reply> {
  return instance.ask(`/v2/library/demo/blobs/${digest}`, { method, headers });
}

/** Our headers alone: what Node adds to every response is left out. */
function ownHeaders({ headers }: Reply): Record<string, unknown> {
  const own = Object.entries(headers).filter(([name]) => !["date", "connection", "keep-alive"].includes(name));
  return Object.fromEntries(own);
}

const blobHeaders = () => ({
  "docker-distribution-api-version": "registry/2.0",
  "docker-content-digest": digest,
  etag: `"${digest}"`,
  "cache-status": "entrepot; hit",
  "accept-ranges": "bytes",
});

describe("the headers", () => {
  test("of a blob are these and no others, for GET and for HEAD", async () => {
    for (const method of ["GET", "HEAD"]) {
      const reply = await blob({}, method);
      expect([reply.status, ownHeaders(reply)]).toEqual([
        200,
        { ...blobHeaders(), "content-type": "application/octet-stream", "content-length": "3000000" },
      ]);
      expect(reply.body.equals(method === "GET" ? body : Buffer.alloc(0))).toBe(true);
    }
    expect(upstream.requests.count()).toBe(0);
  });

  test("of a manifest are these and no others: no charset, no Accept-Ranges, and a time to live where a tag was asked for", async () => {
    for (const method of ["GET", "HEAD"]) {
      const path = "/v2/library/demo/manifests";
      const byTag = await instance.ask(`${path}/1`, { method });
      const byDigest = await instance.ask(`${path}/${image.digest}?ns=docker.io`, { method });
      const age = expect.stringMatching(/^\d+$/) as string;
      const headers = {
        "docker-distribution-api-version": "registry/2.0",
        "docker-content-digest": image.digest,
        etag: `"${image.digest}"`,
        "content-type": mediaTypes.ociManifest,
        "content-length": String(image.manifest.length),
      };
      expect(ownHeaders(byTag)).toEqual({
        ...headers,
        age,
        "cache-status": expect.stringMatching(/^entrepot; hit; ttl=\d+$/) as string,
      });
      expect(ownHeaders(byDigest)).toEqual({
        ...headers,
        age,
        "oci-namespace": "docker.io",
        "cache-status": "entrepot; hit",
      });
      for (const reply of [byTag, byDigest]) {
        expect(reply.body.equals(method === "GET" ? image.manifest : Buffer.alloc(0))).toBe(true);
      }
    }
    expect(upstream.requests.count()).toBe(0);
  });

  test("of an error are those of JSON with a length, and HEAD has the same without a body", async () => {
    const path = `/v2/library/demo/manifests/sha256:${"0".repeat(64)}`;
    const [get, head] = [await instance.ask(path), await instance.ask(path, { method: "HEAD" })];
    expect(ownHeaders(get)).toEqual({
      "docker-distribution-api-version": "registry/2.0",
      "content-type": "application/json",
      "content-length": String(get.body.length),
      "cache-status": "entrepot; detail=MANIFEST_UNKNOWN",
    });
    expect([get.status, head.status, head.body.length]).toEqual([404, 404, 0]);
    expect(ownHeaders(head)).toEqual(ownHeaders(get));
  });

  test("never say that a body is compressed, whatever the client would take", async () => {
    const headers = { "accept-encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5" };
    expect(ownHeaders(await blob(headers))).not.toHaveProperty("content-encoding");
    expect((await blob(headers)).body.equals(body)).toBe(true);
  });

  test("of `/v2/` say that there is a registry", async () => {
    for (const path of ["/v2/", "/v2"]) {
      const reply = await instance.ask(path);
      expect([reply.status, reply.body.toString()]).toEqual([200, "{}"]);
      expect(ownHeaders(reply)).toEqual({
        "docker-distribution-api-version": "registry/2.0",
        "content-type": "application/json",
        "content-length": "2",
      });
      expect((await instance.ask(path, { method: "HEAD" })).body).toHaveLength(0);
    }
  });
});

describe("If-None-Match", () => {
  test("with our tag is a 304 without a body, on blobs and on manifests", async () => {
    for (const header of [`"${digest}"`, `W/"${digest}"`, "*", `"x", "${digest}"`]) {
      const reply = await blob({ "if-none-match": header });
      expect([reply.status, reply.body.length, ownHeaders(reply)]).toEqual([304, 0, blobHeaders()]);
    }
    for (const method of ["GET", "HEAD"]) {
      const headers = { "if-none-match": `"${image.digest}"` };
      for (const reference of ["1", image.digest]) {
        const reply = await instance.ask(`/v2/library/demo/manifests/${reference}`, { method, headers });
        expect([reply.status, reply.body.length, reply.headers["etag"]]).toEqual([304, 0, `"${image.digest}"`]);
      }
    }
    expect(upstream.requests.count()).toBe(0);
  });

  test("with another tag is the whole answer", async () => {
    expect((await blob({ "if-none-match": `"${image.digest}"` })).body.equals(body)).toBe(true);
    const headers = { "if-none-match": `"${digest}"` };
    expect((await instance.ask("/v2/library/demo/manifests/1", { headers })).status).toBe(200);
  });

  test("is decided before Range (RFC 9110 section 13.2.2)", async () => {
    const reply = await blob({ "if-none-match": `"${digest}"`, range: "bytes=0-9" });
    expect([reply.status, reply.body.length]).toEqual([304, 0]);
  });
});

describe("a Range of a blob", () => {
  test.each([
    ["from the start to the end, as containerd begins", "bytes=0-", 0, 3_000_000],
    ["from the middle", "bytes=1000000-", 1_000_000, 3_000_000],
    ["of one byte", "bytes=7-7", 7, 8],
    ["of a suffix", "bytes=-500", 2_999_500, 3_000_000],
    ["of a suffix longer than the blob", "bytes=-9000000", 0, 3_000_000],
    ["one past the end, as an older docker resumes", "bytes=2000000-3000000", 2_000_000, 3_000_000],
    ["far past the end", "bytes=5-99999999999999999999", 5, 3_000_000],
  ])("%s is a 206 of those bytes", async (_, range, start, end) => {
    const reply = await blob({ range });
    expect([reply.status, ownHeaders(reply)]).toEqual([
      206,
      {
        ...blobHeaders(),
        "content-type": "application/octet-stream",
        "content-length": String(end - start),
        "content-range": `bytes ${start}-${end - 1}/3000000`,
      },
    ]);
    expect(reply.body.equals(body.subarray(start, end))).toBe(true);
    expect(upstream.requests.count()).toBe(0);
  });

  test.each([
    ["several ranges", "bytes=0-1,5-6"],
    ["another unit", "items=0-5"],
    ["an end before the start", "bytes=9-5"],
    ["nonsense", "bytes=first-last"],
  ])("with %s is answered with the whole blob", async (_, range) => {
    const reply = await blob({ range });
    expect([reply.status, reply.headers["content-range"], reply.body.equals(body)]).toEqual([200, undefined, true]);
  });

  test.each(["bytes=3000000-", "bytes=9000000-9000001", "bytes=-0"])(
    "%s is a 416 that says how long it is",
    async (range) => {
      const reply = await blob({ range });
      expect([reply.status, ownHeaders(reply), reply.body.length]).toEqual([
        416,
        {
          "docker-distribution-api-version": "registry/2.0",
          "content-range": "bytes */3000000",
          "content-length": "0",
        },
        0,
      ]);
    },
  );

  test("is ignored for HEAD, and on manifests", async () => {
    const range = { range: "bytes=0-9" };
    expect([(await blob(range, "HEAD")).status, (await blob(range, "HEAD")).headers["content-length"]]).toEqual([
      200,
      "3000000",
    ]);
    const manifest = await instance.ask("/v2/library/demo/manifests/1", { headers: range });
    expect([manifest.status, manifest.body.equals(image.manifest)]).toEqual([200, true]);
  });

  test("holds with our tag in If-Range, and not with any other", async () => {
    const range = "bytes=10-19";
    expect((await blob({ range, "if-range": `"${digest}"` })).body.equals(body.subarray(10, 20))).toBe(true);
    for (const other of [`"${image.digest}"`, `W/"${digest}"`, "Wed, 21 Oct 2015 07:28:00 GMT"]) {
      const reply = await blob({ range, "if-range": other });
      expect([reply.status, reply.body.equals(body)]).toEqual([200, true]);
    }
  });
});
