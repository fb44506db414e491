import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { login, type LoginOptions } from "../support/credentials.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { beginUpload, locationOf, manifestOf, pushBlob, putManifest, type Pusher } from "../support/push.ts";
import { errorOf } from "../support/reply.ts";
import { startUpstream, type TestUpstream, type UpstreamOptions } from "../upstream/index.ts";

const users = { ann: "canary-password", bob: "other" };
const bearer: UpstreamOptions = { auth: { kind: "bearer", users }, pushes: {} };
const prefix = "registry.example.test";
const name = `${prefix}/org/app`;
const config = Buffer.from('{"architecture":"amd64","os":"linux"}');
const layer = Buffer.from("a layer".repeat(1000));

let upstream: TestUpstream;
let instance: Instance;

async function start(options: UpstreamOptions = bearer, own: Record<string, unknown> = {}): Promise<void> {
  upstream = await startUpstream(options);
  const entry = { endpoints: [upstream.url], push: "passthrough", redirects: { allowPrivate: true }, ...own };
  instance = await startInstance({
    settings: { upstreams: { [prefix]: entry, "other.example.test": { endpoints: [upstream.url] } } },
  });
}

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function pusher(scope = `repository:${name}:pull,push`, options: LoginOptions = {}): Promise<Pusher> {
  const headers = await login(instance, { user: "ann", password: users.ann, scope, ...options });
  return { instance, name, headers };
}

async function pushImage(client: Pusher, tag: string, blobs = [config, layer]) {
  for (const blob of blobs) expect((await pushBlob(client, blob)).status).toBe(201);
  const manifest = manifestOf(blobs);
  expect((await putManifest(client, tag, manifest)).status).toBe(201);
  return manifest;
}

const tokenScopes = () => upstream.requests.filter({ kind: "token" }).flatMap(({ query }) => query.getAll("scope"));

describe.each([
  ["that gives tokens", bearer],
  ["that takes Basic", { auth: { kind: "basic", users }, pushes: {} }],
  ["that takes anybody", { pushes: {} }],
] satisfies [string, UpstreamOptions][])("a push to a registry %s", (_, options) => {
  it("arrives with the client's own credentials, and is pulled back through the cache", async () => {
    await start(options, { credentials: { username: "bob", password: users.bob } });
    const client = await pusher();
    const manifest = await pushImage(client, "1");
    const pulled = await instance.ask(`/v2/${name}/manifests/1`, { headers: client.headers });
    expect([pulled.status, pulled.body.equals(manifest.bytes)]).toEqual([200, true]);
    const blob = await instance.ask(`/v2/${name}/blobs/${digestOf(layer)}`);
    expect([blob.status, blob.body.equals(layer)]).toEqual([200, true]);
    expect(upstream.content.find("org/app")?.tags.get("1")).toBe(manifest.digest);
    expect(upstream.content.find("org/app")?.blobs.has(digestOf(layer))).toBe(true);
  });
});

describe("a push", () => {
  it("asks for a token for that repository alone, with the client's own name and password", async () => {
    await start(bearer, { credentials: { username: "bob", password: users.bob } });
    await pushImage(await pusher(), "1");
    expect(new Set(tokenScopes())).toEqual(new Set(["repository:org/app:pull,push"]));
    const shown = upstream.requests.filter({ kind: "token" }).map(({ headers }) => headers.authorization);
    expect(new Set(shown)).toEqual(new Set([`Basic ${Buffer.from(`ann:${users.ann}`).toString("base64")}`]));
  });

  it("never sends our token on, nor a cookie or a forwarding header of the client", async () => {
    await start();
    const client = await pusher();
    const odd = { cookie: "a=b", "x-forwarded-for": "1.2.3.4", "x-registry-auth": "canary-header", te: "trailers" };
    await pushImage({ ...client, headers: { ...client.headers, ...odd } }, "1");
    const sent = JSON.stringify(upstream.requests.entries.map(({ rawHeaders }) => rawHeaders));
    expect(sent).not.toContain(client.headers["authorization"]?.replace("Bearer ", "") ?? "none");
    for (const canary of ["a=b", "1.2.3.4", "canary-header", "trailers"]) expect(sent).not.toContain(canary);
  });

  it("leaves no password, token or address of an upload in the log", async () => {
    await start();
    const client = await pusher();
    await pushImage(client, "1");
    const log = JSON.stringify(instance.log);
    for (const secret of [users.ann, "_state", "uploads/", client.headers["authorization"] ?? "none"]) {
      expect(log).not.toContain(secret);
    }
    const lines = instance.log.filter(({ method }) => method === "PUT");
    expect(lines.map(({ kind, outcome, upstream: to, status }) => [kind, outcome, to, status])).toEqual(
      Array.from({ length: 3 }, () => ["other", "uncached", prefix, 201]),
    );
  });

  it("of chunks goes on where the one before has ended", async () => {
    await start();
    const client = await pusher();
    let at = locationOf(await beginUpload(client));
    for (const [from, chunk] of [
      [0, layer.subarray(0, 3000)],
      [3000, layer.subarray(3000)],
    ] as const) {
      const range = { ...client.headers, "content-range": `${from}-${from + chunk.length - 1}` };
      const patched = await instance.ask(at, { method: "PATCH", headers: range, body: chunk });
      expect([patched.status, patched.headers["range"]]).toEqual([202, `0-${from + chunk.length - 1}`]);
      at = locationOf(patched);
    }
    const asked = await instance.ask(at, { headers: client.headers });
    expect([asked.status, asked.headers["range"]]).toEqual([204, `0-${layer.length - 1}`]);
    const put = await instance.ask(`${at}?digest=${digestOf(layer)}`, { method: "PUT", headers: client.headers });
    expect([put.status, locationOf(put)]).toEqual([201, `/v2/${name}/blobs/${digestOf(layer)}`]);
  });

  it("of one request brings the whole blob with its digest", async () => {
    await start();
    const client = await pusher();
    const posted = await instance.ask(`/v2/${name}/blobs/uploads/?digest=${digestOf(layer)}`, {
      method: "POST",
      headers: client.headers,
      body: layer,
    });
    expect([posted.status, locationOf(posted)]).toEqual([201, `/v2/${name}/blobs/${digestOf(layer)}`]);
  });

  it("can be given up", async () => {
    await start();
    const client = await pusher(`repository:${name}:*`);
    const at = locationOf(await beginUpload(client));
    expect((await instance.ask(at, { method: "DELETE", headers: client.headers })).status).toBe(204);
    expect(upstream.uploads?.open).toBe(0);
    expect(errorOf(await instance.ask(at, { headers: client.headers })).code).toBe("BLOB_UPLOAD_UNKNOWN");
  });

  it("keeps ns in the address that the client is to go on with", async () => {
    await start();
    const client = await pusher("repository:org/app:pull,push");
    const begun = await beginUpload({ ...client, name: "org/app" }, `?ns=${prefix}`);
    expect(locationOf(begun)).toMatch(new RegExp(`^/v2/org/app/blobs/uploads/[\\w-]{32}\\?ns=${prefix}$`));
  });
});

describe("a mount", () => {
  it("names the repository as the registry calls it, and asks for a token for both", async () => {
    await start();
    upstream.pushBlob("org/base", layer);
    const client = await pusher();
    const mounted = await beginUpload(client, `?mount=${digestOf(layer)}&from=${prefix}/org/base`);
    expect([mounted.status, locationOf(mounted)]).toEqual([201, `/v2/${name}/blobs/${digestOf(layer)}`]);
    const [asked] = upstream.requests.filter({ kind: "upload", method: "POST" });
    expect(Object.fromEntries(asked?.query ?? [])).toEqual({ mount: digestOf(layer), from: "org/base" });
    expect(tokenScopes()).toEqual(["repository:org/app:pull,push", "repository:org/base:pull"]);
  });

  it.each(["other.example.test/org/base", "org/base", "unknown.test/x"])(
    "from another registry (%s) is an ordinary upload",
    async (from) => {
      await start();
      const begun = await beginUpload(await pusher(), `?mount=${digestOf(layer)}&from=${from}`);
      expect(begun.status).toBe(202);
      const [asked] = upstream.requests.filter({ kind: "upload", method: "POST" });
      expect(Object.fromEntries(asked?.query ?? [])).toEqual({});
    },
  );

  it.each([
    ["mount=latest&from=org/base", "DIGEST_INVALID"],
    [`mount=${digestOf(layer)}&from=../x`, "NAME_INVALID"],
    ["digest=sha256:abc", "DIGEST_INVALID"],
  ])("with %s is refused before anything is asked", async (query, code) => {
    await start();
    const reply = await beginUpload(await pusher(), `?${query}`);
    expect([reply.status, errorOf(reply).code]).toEqual([400, code]);
    expect(upstream.requests.count({ kind: "upload" })).toBe(0);
  });
});

describe("an upload's address", () => {
  it("belongs to its client, its upstream and its repository", async () => {
    await start();
    const client = await pusher();
    const at = locationOf(await beginUpload(client));
    const bob = await pusher(undefined, { user: "bob", password: users.bob });
    const wide = await pusher(`repository:${name}:pull,push repository:${prefix}/org/other:pull,push`);
    const asked = upstream.requests.count({ kind: "upload" });
    for (const [path, headers] of [
      [at, bob.headers],
      [at.replace("org/app", "org/other"), wide.headers],
      [at.replace(/[\w-]{32}$/, "A".repeat(32)), client.headers],
      [`/v2/${name}/blobs/uploads/http:`, client.headers],
    ] as const) {
      const reply = await instance.ask(path, { method: "PATCH", headers, body: layer });
      expect([reply.status, errorOf(reply).code]).toEqual([404, "BLOB_UPLOAD_UNKNOWN"]);
    }
    expect(upstream.requests.count({ kind: "upload" })).toBe(asked);
  });

  it.each(["absolute", "relative", "elsewhere"] as const)("may be %s at the registry", async (location) => {
    await start({ ...bearer, pushes: { location } });
    expect((await pushBlob(await pusher(), layer)).status).toBe(201);
    const [patched] = upstream.requests.filter({ method: "PATCH" });
    expect(patched?.headers.authorization === undefined).toBe(location === "elsewhere");
  });

  it("on a private address is not followed unless that is configured", async () => {
    await start({ ...bearer, pushes: { location: "elsewhere" } }, { redirects: { allowPrivate: false } });
    const reply = await beginUpload(await pusher());
    expect([reply.status, errorOf(reply).code]).toEqual([502, "UNAVAILABLE"]);
    expect(upstream.cdn.requests.count()).toBe(0);
  });
});
