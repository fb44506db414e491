import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { errorOf } from "../support/reply.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;
let image: PushedImage;

beforeEach(async () => {
  upstream = await startUpstream({});
  image = upstream.pushImage("library/alpine", "1", { layers: [2000] });
  upstream.pushImage("library/secret", "1");
  upstream.pushImage("other/app", "1");
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function start(settings: Record<string, unknown>, own: Record<string, unknown> = {}): Promise<void> {
  const upstreams = { "docker.io": { endpoints: [upstream.url], ...own } };
  instance = await startInstance({ settings: { ...settings, upstreams } });
}

/** The same data directory with other settings. */
async function restartWith(settings: Record<string, unknown>): Promise<void> {
  await instance.stop();
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  instance = await startInstance({ settings: { ...settings, upstreams }, directory: instance.directory });
}

function ask(path: string, method = "GET", headers: Record<string, string> = {}): Promise<Reply> {
  return instance.ask(`/v2/${path}`, { method, headers });
}

describe("a repository that the rules of its upstream deny", () => {
  it("is unknown to every kind of request, and the answer says by which rule", async () => {
    await start({}, { allow: ["library/**"], deny: ["library/se*"] });
    const { digest } = image;
    for (const path of ["manifests/1", `manifests/${digest}`, `blobs/${digest}`, "tags/list", `referrers/${digest}`]) {
      for (const name of ["library/secret", "secret", "docker.io/library/secret", "other/app"]) {
        for (const method of ["GET", "HEAD"]) {
          expect([name, path, (await ask(`${name}/${path}`, method)).status]).toEqual([name, path, 404]);
        }
      }
      expect((await ask(`secret/${path}`, "GET", { range: "bytes=0-1" })).status).toBe(404);
    }
    expect(upstream.requests.entries).toEqual([]);
    const denied = errorOf(await ask("secret/manifests/1"));
    expect([denied.code, denied.detail?.["policy"]]).toEqual(["NAME_UNKNOWN", "upstreams.docker.io.deny: library/se*"]);
    const other = errorOf(await ask("other/app/manifests/1"));
    expect(other.detail?.["policy"]).toBe("upstreams.docker.io.allow: nothing in it matches");
    expect((await ask("alpine/manifests/1")).status).toBe(200);
  });

  it("takes no pushes either", async () => {
    await start({}, { deny: ["library/se*"], push: "passthrough" });
    const reply = await ask("docker.io/library/secret/blobs/uploads/", "POST");
    expect([reply.status, errorOf(reply).code]).toEqual([404, "NAME_UNKNOWN"]);
    expect(upstream.requests.entries).toEqual([]);
  });
});

describe("a digest in denyDigests", () => {
  it("is refused by digest and by tag, whole, in part and by HEAD, although it is stored", async () => {
    await start({});
    await ask("alpine/manifests/1");
    await restartWith({ denyDigests: [image.digest] });
    for (const path of ["manifests/1", `manifests/${image.digest}`, `blobs/${image.digest}`]) {
      for (const method of ["GET", "HEAD"]) {
        for (const headers of [{}, { range: "bytes=0-1" }, { "if-none-match": `"${image.digest}"` }]) {
          const reply = await ask(`alpine/${path}`, method, headers);
          expect([path, method, reply.status]).toEqual([path, method, 403]);
        }
      }
    }
    const refused = errorOf(await ask("alpine/manifests/1"));
    expect(refused).toMatchObject({ code: "DENIED", detail: { policy: "denyDigests", digest: image.digest } });
    expect((await ask(`alpine/blobs/${String(image.layers[0]?.digest)}`)).status).toBe(200);
  });

  it("can be a layer's, of an image that is pulled otherwise", async () => {
    const digest = String(image.layers[0]?.digest);
    await start({ denyDigests: [digest] });
    expect((await ask("alpine/manifests/1")).status).toBe(200);
    expect((await ask(`alpine/blobs/${digest}`)).status).toBe(403);
    expect((await ask(`alpine/blobs/${digest}`, "GET", { range: "bytes=1-" })).status).toBe(403);
    expect(upstream.requests.filter({ kind: "blob" })).toEqual([]);
  });

  it("is not among the referrers, and has none to show", async () => {
    const [one, two] = ["application/one", "application/two"].map((artifactType) =>
      upstream.pushReferrer("library/alpine", image.digest as never, { artifactType }),
    );
    await start({ denyDigests: [one?.digest] });
    const reply = await ask(`alpine/referrers/${image.digest}`);
    const { manifests } = JSON.parse(reply.body.toString()) as { manifests: { digest: string }[] };
    expect(manifests.map(({ digest }) => digest)).toEqual([two?.digest]);
    expect((await ask(`alpine/referrers/${String(one?.digest)}`)).status).toBe(403);
  });
});
