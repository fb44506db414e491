import { request as send, type ClientRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/oci/index.ts";
import { challengeOf, login } from "../support/credentials.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { beginUpload, locationOf, manifestOf, pushBlob, putManifest, type Pusher } from "../support/push.ts";
import { errorOf } from "../support/reply.ts";
import { createGate, startUpstream, temperaments, type TestUpstream, type UpstreamOptions } from "../upstream/index.ts";

const users = { ann: "right", bob: "other" };
const prefix = "registry.example.test";
const name = `${prefix}/org/app`;
const blob = Buffer.from("a layer");
const bearer: UpstreamOptions = {
  auth: { kind: "bearer", users, pushers: { "org/app": ["ann"] } },
  tokenServer: "separate",
  pushes: {},
};

let upstream: TestUpstream;
let instance: Instance;

async function start(options: UpstreamOptions = bearer, own: Record<string, unknown> = {}): Promise<void> {
  upstream = await startUpstream(options);
  const entry = { endpoints: [upstream.url], push: "passthrough", limits: { headerTimeout: "300ms" }, ...own };
  const upstreams = { [prefix]: entry, "closed.example.test": { endpoints: [upstream.url] } };
  instance = await startInstance({ settings: { upstreams } });
}

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

async function pusher(user: keyof typeof users = "ann", scope = `repository:${name}:pull,push`): Promise<Pusher> {
  return { instance, name, headers: await login(instance, { user, password: users[user], scope }) };
}

/** One request whose body the test writes. */
function open(path: string, method: string, headers: Record<string, string>): ClientRequest {
  return send(`${instance.url}${path}`, { method, headers, agent: false }).on("error", () => undefined);
}

describe("a push that is not allowed", () => {
  it("to an upstream that takes none is a 405", async () => {
    await start();
    const client = await pusher("ann", "repository:closed.example.test/org/app:pull,push");
    const reply = await beginUpload({ ...client, name: "closed.example.test/org/app" });
    expect([reply.status, reply.headers["allow"], errorOf(reply).code]).toEqual([405, "GET, HEAD", "UNSUPPORTED"]);
    expect(upstream.requests.count()).toBe(0);
  });

  it.each([
    ["POST", "manifests/1"],
    ["PATCH", "manifests/1"],
    ["PUT", `blobs/${digestOf(blob)}`],
    ["POST", "tags/list"],
    ["DELETE", "tags/list"],
    ["PUT", "blobs/uploads/"],
    ["POST", `blobs/uploads/${"A".repeat(32)}`],
    ["DELETE", `referrers/${digestOf(blob)}`],
  ])("by %s of %s is a 405 too", async (method, path) => {
    await start();
    const { headers } = await pusher("ann", `repository:${name}:*`);
    const reply = await instance.ask(`/v2/${name}/${path}`, { method, headers });
    expect([reply.status, errorOf(reply).code]).toEqual([405, "UNSUPPORTED"]);
    expect(upstream.requests.count()).toBe(0);
  });

  it.each(["/v2/_catalog", "/v2/", "/metrics", "/v2/a"])("to %s reaches nothing", async (path) => {
    await start();
    const reply = await instance.ask(path, { method: "DELETE", headers: (await pusher()).headers });
    expect([404, 405]).toContain(reply.status);
    expect(upstream.requests.count()).toBe(0);
  });

  it("by somebody without credentials is asked for some, at our own token service", async () => {
    await start();
    const reply = await beginUpload({ instance, name, headers: {} });
    expect([reply.status, errorOf(reply).code]).toEqual([401, "UNAUTHORIZED"]);
    expect(challengeOf(reply)).toEqual({
      realm: `${instance.url}/auth/token`,
      service: "entrepot",
      error: "insufficient_scope",
    });
  });

  it("by somebody whom the registry does not let push is refused in its words, with our challenge", async () => {
    await start();
    const reply = await beginUpload(await pusher("bob"));
    expect([reply.status, challengeOf(reply)["realm"]]).toEqual([401, `${instance.url}/auth/token`]);
    expect(errorOf(reply).message).toBe("authentication required");
  });

  it("with a password that the registry's token service refuses is a 401 that says so", async () => {
    await start();
    const headers = await login(instance, {
      user: "ann",
      password: "canary-wrong",
      scope: `repository:${name}:pull,push`,
    });
    const reply = await beginUpload({ instance, name, headers });
    expect([reply.status, errorOf(reply).code, reply.headers["www-authenticate"] !== undefined]).toEqual([
      401,
      "UNAUTHORIZED",
      true,
    ]);
    expect(reply.body.toString()).not.toContain("canary");
  });

  it("with a token that was asked for something else is refused without asking anybody", async () => {
    await start();
    for (const [scope, method] of [
      [`repository:${name}:pull`, "POST"],
      ["repository:org/app:pull,push", "POST"],
      [`repository:${name}:pull,push`, "DELETE"],
    ] as const) {
      const { headers } = await pusher("ann", scope);
      const path = method === "POST" ? "blobs/uploads/" : "manifests/1";
      const reply = await instance.ask(`/v2/${name}/${path}`, { method, headers });
      expect([reply.status, challengeOf(reply)["error"]]).toEqual([401, "insufficient_scope"]);
    }
    expect(upstream.requests.count()).toBe(0);
  });

  it("does not delete with credentials that may only push", async () => {
    await start({ ...bearer, auth: { ...bearer.auth, pushers: { "org/app": [] } } });
    upstream.pushImage("org/app", "1");
    const { headers } = await pusher("ann", `repository:${name}:*`);
    const reply = await instance.ask(`/v2/${name}/manifests/1`, { method: "DELETE", headers });
    expect(reply.status).toBe(401);
    expect(upstream.content.find("org/app")?.tags.has("1")).toBe(true);
  });
});

describe("a registry that answers badly", () => {
  it("with its own error is quoted, with status and body", async () => {
    await start();
    const client = await pusher();
    const at = locationOf(await beginUpload(client));
    const put = await instance.ask(`${at}?digest=${digestOf(Buffer.from("other"))}`, {
      method: "PUT",
      headers: client.headers,
      body: blob,
    });
    expect([put.status, errorOf(put)]).toEqual([
      400,
      { code: "DIGEST_INVALID", message: "provided digest did not match content" },
    ]);
    expect(put.headers["content-type"]).toBe("application/json");
  });

  it("with a web page is told of in our words", async () => {
    await start();
    upstream.misbehave({
      on: "upload",
      temperament: temperaments.status(413, "<html>too large</html>", "text/html"),
    });
    const reply = await beginUpload(await pusher());
    expect([reply.status, errorOf(reply).code]).toEqual([413, "SIZE_INVALID"]);
    expect(reply.body.toString()).not.toContain("<html");
  });

  it("with cookies, commands to a server in between, and hop-by-hop fields is stripped of them", async () => {
    await start();
    const bad = {
      "set-cookie": "a=b",
      "x-accel-redirect": "/etc/passwd",
      "x-sendfile": "/etc/passwd",
      "strict-transport-security": "max-age=1",
      "proxy-authenticate": "Basic",
      "docker-upload-uuid": "kept",
    };
    upstream.misbehave({
      on: "upload",
      temperament: { name: "odd", reply: (reply) => ({ ...reply, headers: { ...reply.headers, ...bad } }) },
    });
    const reply = await beginUpload(await pusher());
    expect(reply.status).toBe(202);
    expect(Object.keys(bad).filter((field) => reply.headers[field] !== undefined)).toEqual(["docker-upload-uuid"]);
  });

  it("not at all is a 502 that says so, and one that does not answer in time a 504", async () => {
    await start();
    const client = await pusher();
    await beginUpload(client);
    upstream.misbehave({ on: "upload", temperament: temperaments.silent() });
    const late = await beginUpload(client);
    expect([late.status, errorOf(late).detail?.["reason"]]).toEqual([504, "timeout"]);
    await upstream.stop();
    const gone = await beginUpload(client);
    expect([gone.status, errorOf(gone).detail?.["reason"]]).toEqual([502, "unreachable"]);
  });

  it("with a token that has been revoked meanwhile gets a new one, where no body is lost with it", async () => {
    await start();
    const client = await pusher();
    await beginUpload(client);
    upstream.revokeTokens();
    expect((await beginUpload(client)).status).toBe(202);
    const at = locationOf(await beginUpload(client));
    upstream.revokeTokens();
    const patch = () => instance.ask(at, { method: "PATCH", headers: client.headers, body: blob });
    expect((await patch()).status).toBe(401);
    expect((await patch()).status).toBe(202);
  });
});

describe("a client that leaves in the middle", () => {
  it("closes the connection to the registry, ten times out of ten", async () => {
    await start();
    const client = await pusher();
    const site = upstream.site("registry");
    for (let count = 1; count <= 10; count += 1) {
      const at = locationOf(await beginUpload(client));
      const upload = open(at, "PATCH", { ...client.headers, "transfer-encoding": "chunked" });
      upload.write(Buffer.alloc(64 * 1024));
      await upstream.requests.waitFor(({ method, bytesReceived }) => method === "PATCH" && bytesReceived > 0, count);
      upload.destroy();
      await upstream.requests.waitFor({ method: "PATCH", ended: "left" }, count);
    }
    // The one that was asked how to authenticate is kept for the next such question.
    await expect.poll(() => site.connections).toBe(1);
  });

  it("closes it also where its request had come to its end", async () => {
    await start();
    const client = await pusher();
    const at = locationOf(await beginUpload(client));
    const gate = createGate();
    upstream.misbehave({ on: "upload", method: "PUT", temperament: temperaments.gated(gate) });
    const upload = open(`${at}?digest=${digestOf(blob)}`, "PUT", { ...client.headers, "content-length": "7" });
    upload.end(blob);
    await gate.reached();
    upload.destroy();
    await upstream.requests.waitFor({ method: "PUT", ended: "left" });
  });

  it("leaves the tag at what it was", async () => {
    await start();
    const client = await pusher();
    const manifest = manifestOf([blob]);
    await pushBlob(client, blob);
    await putManifest(client, "1", manifest);
    const at = locationOf(await beginUpload(client));
    const upload = open(at, "PATCH", { ...client.headers, "transfer-encoding": "chunked" });
    upload.write(Buffer.alloc(1024));
    await upstream.requests.waitFor(({ method, bytesReceived }) => method === "PATCH" && bytesReceived === 1024);
    upload.destroy();
    await upstream.requests.waitFor({ method: "PATCH", ended: "left" });
    const pulled = await instance.ask(`/v2/${name}/manifests/1`);
    expect(pulled.headers["docker-content-digest"]).toBe(manifest.digest);
  });
});

describe("a large upload", () => {
  it("is not taken in faster than the registry takes it", async () => {
    await start();
    const client = await pusher();
    const at = locationOf(await beginUpload(client));
    const gate = createGate();
    upstream.misbehave({ on: "upload", method: "PATCH", temperament: temperaments.unread(gate) });
    const upload = open(at, "PATCH", { ...client.headers, "transfer-encoding": "chunked" });
    const total = 256 * 1024 * 1024;
    const piece = Buffer.alloc(1024 * 1024);
    let written = 0;
    const memoryBefore = process.memoryUsage().rss;
    const feed = (): void => {
      while (written < total) {
        written += piece.length;
        if (!upload.write(piece)) {
          upload.once("drain", feed);
          return;
        }
      }
      upload.end();
    };
    feed();
    await gate.reached();
    // What the kernel holds on both connections is all that can have gone: the client is stopped far from its end.
    await expect.poll(() => upload.writableNeedDrain && upload.writableLength > 0).toBe(true);
    const stoppedAt = written;
    expect(stoppedAt).toBeLessThan(total / 2);
    expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(total / 2);
    upload.destroy();
    gate.release();
  });

  it("is begun when the client that asks first whether it may is told to go on", async () => {
    await start();
    const client = await pusher();
    const at = locationOf(await beginUpload(client));
    const upload = open(at, "PATCH", {
      ...client.headers,
      expect: "100-continue",
      "content-length": String(blob.length),
    });
    upload.flushHeaders();
    await once(upload, "continue");
    upload.end(blob);
    const [reply] = (await once(upload, "response")) as [IncomingMessage];
    expect([reply.statusCode, reply.resume().headers.range]).toEqual([202, `0-${blob.length - 1}`]);
  });

  it("that is refused is answered although its end has not come, and the connection goes on", async () => {
    await start();
    const client = await pusher("bob");
    const path = `/v2/${name}/blobs/uploads/?digest=${digestOf(blob)}`;
    const upload = open(path, "POST", { ...client.headers, expect: "", "content-length": String(2 * 1024 * 1024) });
    upload.write(Buffer.alloc(1024 * 1024));
    const answered = once(upload, "response");
    upload.end(Buffer.alloc(1024 * 1024));
    const [reply] = (await answered) as [IncomingMessage];
    expect(reply.resume().statusCode).toBe(401);
  });
});
