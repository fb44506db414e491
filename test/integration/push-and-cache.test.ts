import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { login } from "../support/credentials.ts";
import { startInstance, type Instance, type Reply } from "../support/instance.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { manifestOf, pushBlob, putManifest, type Pusher } from "../support/push.ts";
import { errorOf } from "../support/reply.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

const users = { ann: "right" };
const prefix = "registry.example.test";
const name = `${prefix}/org/app`;
const config = Buffer.from("{}");
const oldBlobs = [config, Buffer.from("old")];
const newBlobs = [config, Buffer.from("new")];
const manifests = { old: manifestOf(oldBlobs), new: manifestOf(newBlobs) };

let upstream: TestUpstream;
let instance: Instance;
let clock: ManualClock;
let client: Pusher;

beforeEach(async () => {
  clock = new ManualClock();
  upstream = await startUpstream({ auth: { kind: "bearer", users }, pushes: {} });
  const entry = { endpoints: [upstream.url], push: "passthrough" };
  instance = await startInstance({ clock, settings: { upstreams: { [prefix]: entry } } });
  const scope = `repository:${name}:*`;
  client = { instance, name, headers: await login(instance, { user: "ann", password: users.ann, scope }) };
  await push("1", oldBlobs);
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function push(tag: string, blobs: Buffer[]): Promise<void> {
  for (const blob of blobs) await pushBlob(client, blob);
  expect((await putManifest(client, tag, manifestOf(blobs))).status).toBe(201);
}

/** A pull by somebody who has no credentials. */
const pull = (reference = "1", method = "GET"): Promise<Reply> =>
  instance.ask(`/v2/${name}/manifests/${reference}`, { method });
const write = (method: string, path: string): Promise<Reply> =>
  instance.ask(`/v2/${name}/${path}`, { method, headers: client.headers });
const digestIn = (reply: Reply): unknown => reply.headers["docker-content-digest"];

describe("after a push", () => {
  it("a tag that was fresh is asked for again, and is the new one", async () => {
    expect(digestIn(await pull())).toBe(manifests.old.digest);
    await push("1", newBlobs);
    expect(digestIn(await pull())).toBe(manifests.new.digest);
    expect(digestIn(await pull(manifests.old.digest))).toBe(manifests.old.digest);
  });

  it("a tag and a digest that were absent are there at once", async () => {
    expect((await pull("2")).status).toBe(404);
    expect((await pull(manifests.new.digest)).status).toBe(404);
    await push("2", newBlobs);
    expect(digestIn(await pull("2"))).toBe(manifests.new.digest);
    expect((await pull(manifests.new.digest)).status).toBe(200);
  });

  it("a blob that was absent is there at once", async () => {
    const path = `/v2/${name}/blobs/${digestOf(Buffer.from("new"))}`;
    expect((await instance.ask(path)).status).toBe(404);
    await pushBlob(client, Buffer.from("new"));
    expect((await instance.ask(path)).body.toString()).toBe("new");
  });

  it("the list of tags has the new one", async () => {
    const list = async () => (await instance.ask(`/v2/${name}/tags/list`)).body.toString();
    expect(JSON.parse(await list())).toMatchObject({ tags: ["1"] });
    await push("2", newBlobs);
    expect(JSON.parse(await list())).toMatchObject({ tags: ["1", "2"] });
  });

  it("the referrers of its subject have the new one", async () => {
    await pull();
    const list = async () => {
      const reply = await instance.ask(`/v2/${name}/referrers/${manifests.old.digest}`);
      return (JSON.parse(reply.body.toString()) as { manifests: unknown[] }).manifests.length;
    };
    expect(await list()).toBe(0);
    const subject = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: manifests.old.digest, size: 1 };
    const signature = manifestOf(oldBlobs, { artifactType: "application/x-signature", subject });
    const put = await putManifest(client, signature.digest, signature);
    expect([put.status, put.headers["oci-subject"]]).toEqual([201, manifests.old.digest]);
    expect(await list()).toBe(1);
  });

  it("a revalidation that was under way does not write the old digest back", async () => {
    await pull();
    clock.advance(2 * 60_000);
    const gate = createGate();
    const rule = { on: "manifest-tag", method: "HEAD", times: 1, temperament: temperaments.gated(gate) } as const;
    upstream.misbehave(rule);
    const before = pull();
    await gate.reached();
    await push("1", newBlobs);
    const during = await pull();
    gate.release();
    await before;
    expect([digestIn(during), digestIn(await pull())]).toEqual([manifests.new.digest, manifests.new.digest]);
  });

  it("whose manifest was deleted, every tag of it is gone", async () => {
    await push("also", oldBlobs);
    expect([(await pull()).status, (await pull("also")).status]).toEqual([200, 200]);
    expect((await write("DELETE", `manifests/${manifests.old.digest}`)).status).toBe(202);
    expect([(await pull()).status, (await pull("also")).status]).toEqual([404, 404]);
  });

  it("whose tag was deleted, the tag is gone", async () => {
    await pull();
    expect((await write("DELETE", "manifests/1")).status).toBe(202);
    expect((await pull()).status).toBe(404);
  });

  it("that was refused, nothing is forgotten", async () => {
    await pull();
    await pushBlob(client, config);
    const asked = upstream.requests.count({ kind: "manifest-tag", method: "GET" });
    const put = await putManifest(client, "1", manifestOf([config, Buffer.from("never pushed")]));
    expect([put.status, errorOf(put).code]).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
    expect(digestIn(await pull())).toBe(manifests.old.digest);
    expect(upstream.requests.count({ kind: "manifest-tag", method: "GET" })).toBe(asked);
  });
});

describe("a HEAD of a client that has come to push", () => {
  it("is answered by the registry and not by what is stored", async () => {
    const blob = `blobs/${digestOf(Buffer.from("old"))}`;
    await pull();
    await instance.ask(`/v2/${name}/${blob}`);
    upstream.removeBlob("org/app", digestOf(Buffer.from("old")));
    upstream.removeTag("org/app", "1");
    expect([(await write("HEAD", blob)).status, (await write("HEAD", "manifests/1")).status]).toEqual([404, 404]);
    expect([(await instance.ask(`/v2/${name}/${blob}`, { method: "HEAD" })).status, (await pull()).status]).toEqual([
      200, 200,
    ]);
  });

  it("tells length, type and digest as the registry does", async () => {
    const head = await write("HEAD", "manifests/1");
    expect([head.status, head.headers["content-length"], head.headers["content-type"], digestIn(head)]).toEqual([
      200,
      String(manifests.old.bytes.length),
      "application/vnd.oci.image.manifest.v1+json",
      manifests.old.digest,
    ]);
  });

  it("is shown with the client's own token, and follows the registry to its CDN without it", async () => {
    upstream.cdn.settings.blobs = true;
    const head = await write("HEAD", `blobs/${digestOf(Buffer.from("old"))}`);
    expect(head.status).toBe(502);
    expect(upstream.cdn.requests.count()).toBe(0);
  });

  it("of a token that was asked for pulling only is an ordinary pull", async () => {
    const headers = await login(instance, { user: "ann", password: users.ann, scope: `repository:${name}:pull` });
    await pull();
    const asked = upstream.requests.count();
    const head = await instance.ask(`/v2/${name}/manifests/1`, { method: "HEAD", headers });
    expect([head.status, head.headers["cache-status"]?.toString().startsWith("entrepot; hit")]).toEqual([200, true]);
    expect(upstream.requests.count()).toBe(asked);
  });
});

describe("a tag that a client asks for which has come to push", () => {
  it("is checked at the registry, however fresh it is", async () => {
    await pull();
    upstream.pushManifest("org/app", "1", manifests.new.bytes, "application/vnd.oci.image.manifest.v1+json");
    expect(digestIn(await write("GET", "manifests/1"))).toBe(manifests.new.digest);
  });
});
