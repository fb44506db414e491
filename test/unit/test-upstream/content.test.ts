import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { digestOf, mediaTypes } from "../../../src/oci/index.ts";
import { readPayload, seededBlob, seededBytes, startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { ask } from "./ask.ts";

describe("the content of the test upstream", () => {
  let upstream: TestUpstream;

  beforeEach(async () => {
    upstream = await startUpstream();
  });
  afterEach(() => upstream.close());

  it("serves an image by tag and by digest, byte for byte and with its own type", async () => {
    const image = upstream.pushImage("library/alpine", "3.20", { layers: [100, 200], mediaTypes: "docker" });
    for (const reference of ["3.20", image.digest]) {
      const answer = await ask(`${upstream.url}/v2/library/alpine/manifests/${reference}`);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(image.manifest);
      expect(answer.headers["content-type"]).toBe(mediaTypes.dockerManifest);
      expect(answer.headers["docker-content-digest"]).toBe(digestOf(image.manifest));
      expect(answer.headers.etag).toBe(`"${image.digest}"`);
    }
    for (const { digest, size } of [image.config, ...image.layers]) {
      const blob = await ask(`${upstream.url}/v2/library/alpine/blobs/${digest}`);
      expect(digestOf(blob.body)).toBe(digest);
      expect(blob.body.length).toBe(size);
    }
  });

  it("answers HEAD with the headers of GET and no body", async () => {
    const image = upstream.pushImage("a", "1");
    const answer = await ask(`${upstream.url}/v2/a/manifests/1`, { method: "HEAD" });
    expect(answer.headers["content-length"]).toBe(String(image.manifest.length));
    expect(answer.headers["docker-content-digest"]).toBe(image.digest);
    expect(answer.body.length).toBe(0);
  });

  it("gives 404 for a blob that was pushed to another repository", async () => {
    const digest = upstream.pushBlob("a", "hello");
    expect((await ask(`${upstream.url}/v2/b/blobs/${digest}`)).status).toBe(404);
    const absent = await ask(`${upstream.url}/v2/a/manifests/none`);
    expect(absent.json()).toMatchObject({ errors: [{ code: "MANIFEST_UNKNOWN" }] });
  });

  it("serves the range that was asked for", async () => {
    const bytes = seededBytes("range", 200_000);
    const url = `${upstream.url}/v2/a/blobs/${upstream.pushBlob("a", seededBlob("range", 200_000))}`;
    const middle = await ask(url, { headers: { range: "bytes=70001-140000" } });
    expect(middle.status).toBe(206);
    expect(middle.headers["content-range"]).toBe("bytes 70001-140000/200000");
    expect(middle.body).toEqual(bytes.subarray(70_001, 140_001));
    const tail = await ask(url, { headers: { range: "bytes=-5" } });
    expect(tail.body).toEqual(bytes.subarray(-5));
    const beyond = await ask(url, { headers: { range: "bytes=200000-" } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers["content-range"]).toBe("bytes */200000");
  });

  it("makes the same bytes from the same seed at every offset", () => {
    const blob = seededBlob("x", 300_000);
    expect(readPayload(blob).subarray(123_457, 234_567)).toEqual(Buffer.concat([...blob.pieces(123_457, 234_567)]));
    expect(seededBytes("x", 100)).not.toEqual(seededBytes("y", 100));
  });

  it("serves an index over images, and forgets a removed tag but not its digest", async () => {
    const arm = upstream.pushImage("a", undefined, { platform: { os: "linux", architecture: "arm64" } });
    const index = upstream.pushIndex("a", "latest", upstream.pushImage("a"), arm);
    const answer = await ask(`${upstream.url}/v2/a/manifests/latest`);
    expect(answer.headers["content-type"]).toBe(mediaTypes.ociIndex);
    upstream.removeTag("a", "latest");
    expect((await ask(`${upstream.url}/v2/a/manifests/latest`)).status).toBe(404);
    expect((await ask(`${upstream.url}/v2/a/manifests/${index.digest}`)).status).toBe(200);
  });

  it.each(["relative", "absolute"] as const)("lists tags in pages with %s links", async (link) => {
    for (const cursor of ["last", "opaque"] as const) {
      upstream.settings.tagsPaging = { pageSize: 2, link, cursor };
      for (const tag of ["c", "a", "e", "b", "d"]) upstream.pushImage("a", tag);
      const tags: string[] = [];
      let next: string | undefined = "/v2/a/tags/list";
      while (next !== undefined) {
        const answer = await ask(new URL(next, upstream.url).href);
        tags.push(...(answer.json() as { tags: string[] }).tags);
        next = /^<(.+)>; rel="next"$/.exec(String(answer.headers["link"] ?? ""))?.[1];
        if (next !== undefined) expect(next.startsWith("http")).toBe(link === "absolute");
      }
      expect(tags).toEqual(["a", "b", "c", "d", "e"]);
    }
    const none = await ask(`${upstream.url}/v2/a/tags/list?n=0`);
    expect(none.json()).toEqual({ name: "a", tags: [] });
    expect(none.headers["link"]).toBeUndefined();
  });

  it("lists referrers by the API, or under the fallback tag where there is none", async () => {
    const image = upstream.pushImage("a", "1");
    const sbom = upstream.pushReferrer("a", image.digest, { artifactType: "application/sbom" });
    upstream.pushReferrer("a", image.digest, { artifactType: "application/sig", annotations: { by: "me" } });
    const url = `${upstream.url}/v2/a/referrers/${image.digest}`;
    const all = (await ask(url)).json() as { manifests: unknown[] };
    expect(all.manifests).toHaveLength(2);
    const filtered = await ask(`${url}?artifactType=application%2Fsbom`);
    expect(filtered.headers["oci-filters-applied"]).toBe("artifactType");
    expect(filtered.json()).toMatchObject({ manifests: [{ digest: sbom.digest, artifactType: "application/sbom" }] });

    const fallback = `${upstream.url}/v2/a/manifests/${image.digest.replace(":", "-")}`;
    expect((await ask(fallback)).status).toBe(404);
    upstream.settings.referrersApi = false;
    expect((await ask(url)).status).toBe(404);
    expect((await ask(fallback)).json()).toMatchObject({ manifests: [{}, {}] });
    upstream.settings.referrersApi = "html-redirect";
    const redirect = await ask(url);
    expect(redirect.status).toBe(303);
    const page = await ask(new URL(String(redirect.headers.location), upstream.url).href);
    expect(page.headers["content-type"]).toContain("text/html");
  });

  it("dies, refuses connections, and comes back on the same port with its content", async () => {
    upstream.pushImage("a", "1");
    const url = `${upstream.url}/v2/a/manifests/1`;
    await upstream.stop();
    await expect(ask(url)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await upstream.restart();
    expect((await ask(url)).status).toBe(200);
    expect(upstream.requests.count({ kind: "manifest-tag" })).toBe(1);
  });
});
