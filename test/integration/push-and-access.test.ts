import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { login } from "../support/credentials.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { beginUpload, manifestOf, pushBlob, putManifest, type Pusher } from "../support/push.ts";
import { errorOf } from "../support/reply.ts";
import { startUpstream, type TestUpstream } from "../upstream/index.ts";

const users = { ann: "right", bob: "other" };
const prefix = "registry.example.test";
const blob = Buffer.from("{}");
const denied = Buffer.from("denied");

let upstream: TestUpstream;
let instance: Instance;

async function start(settings: Record<string, unknown>, own: Record<string, unknown> = {}): Promise<void> {
  upstream = await startUpstream({
    auth: { kind: "bearer", users, privateRepositories: { "org/app": ["ann"] } },
    pushes: {},
  });
  const upstreams = { [prefix]: { endpoints: [upstream.url], push: "passthrough", ...own } };
  instance = await startInstance({ settings: { ...settings, upstreams } });
}

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function clientOf(user: keyof typeof users, repository = "org/app"): Promise<Pusher> {
  const name = `${prefix}/${repository}`;
  const scope = `repository:${name}:pull,push`;
  return { instance, name, headers: await login(instance, { user, password: users[user], scope }) };
}

describe("with access.mode: upstream, a push", () => {
  it("is pulled back by its client at once, also what was absent a moment ago, and by nobody else", async () => {
    await start({ access: { mode: "upstream" } });
    const [ann, bob] = [await clientOf("ann"), await clientOf("bob")];
    const path = `/v2/${ann.name}/manifests/1`;
    expect((await instance.ask(path, { headers: ann.headers })).status).toBe(404);
    await pushBlob(ann, blob);
    expect((await putManifest(ann, "1", manifestOf([blob]))).status).toBe(201);
    expect((await instance.ask(path, { headers: ann.headers })).status).toBe(200);
    expect([401, 404]).toContain((await instance.ask(path, { headers: bob.headers })).status);
    expect((await instance.ask(path)).status).toBe(401);
  });
});

describe("what is denied here", () => {
  it("takes no pushes, answers no HEAD of a client that pushes, and lends no blob to a mount", async () => {
    await start({}, { deny: ["org/closed"] });
    const closed = await clientOf("ann", "org/closed");
    const head = await instance.ask(`/v2/${closed.name}/manifests/1`, { method: "HEAD", headers: closed.headers });
    expect([(await beginUpload(closed)).status, head.status]).toEqual([404, 404]);
    expect(upstream.requests.count()).toBe(0);
    const query = `?mount=${digestOf(blob)}&from=${prefix}/org/closed`;
    expect((await beginUpload(await clientOf("ann"), query)).status).toBe(202);
    const [posted] = upstream.requests.filter({ kind: "upload" });
    expect(posted?.query.toString()).toBe("");
  });

  it("as a digest is not pushed either", async () => {
    await start({ denyDigests: [digestOf(denied)] });
    const reply = await pushBlob(await clientOf("ann"), denied);
    expect([reply.status, errorOf(reply).code]).toEqual([403, "DENIED"]);
  });
});

describe("an upstream that is offline", () => {
  it("takes no pushes", async () => {
    await start({ access: { mode: "upstream" } }, { offline: true });
    const reply = await beginUpload(await clientOf("ann"));
    expect([reply.status, upstream.requests.count()]).toEqual([405, 0]);
  });
});
