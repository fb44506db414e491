import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;
let image: PushedImage;

beforeAll(async () => {
  upstream = await startUpstream({});
  image = upstream.pushImage("library/demo", "1");
  instance = await startInstance({ settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } } } });
});

afterAll(async () => {
  await instance.remove();
  await upstream.close();
});

interface RawReply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends bytes as they are, and reads what comes until the server ends the connection. */
function send(text: string): Promise<string> {
  const { hostname, port } = new URL(instance.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text, "latin1"));
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
  });
}

async function exchange(text: string): Promise<RawReply[]> {
  return repliesIn(await send(text));
}

/** The replies one after the other, each as long as its Content-Length says. */
function repliesIn(text: string): RawReply[] {
  if (text === "") return [];
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  expect(statusLine).toMatch(/^HTTP\/1\.1 \d{3} /);
  expect(headers["content-length"]).toBeDefined();
  const bodyStart = headEnd + 4;
  const bodyEnd = bodyStart + Number(headers["content-length"]);
  const reply = { status: Number(statusLine.split(" ")[1]), headers, body: text.slice(bodyStart, bodyEnd) };
  return [reply, ...repliesIn(text.slice(bodyEnd))];
}

function request(target: string, { method = "GET", headers = ["Host: cache"], body = "" } = {}): string {
  return [`${method} ${target} HTTP/1.1`, ...headers, "Connection: close", "", body].join("\r\n");
}

async function statusOf(text: string): Promise<number | undefined> {
  const replies = await exchange(text);
  expect(replies).toHaveLength(1);
  return replies[0]?.status;
}

function codeOf(reply: RawReply | undefined): unknown {
  const document = JSON.parse(reply?.body ?? "") as { errors: { code: string }[] };
  return document.errors[0]?.code;
}

describe("a request target that no client sends", () => {
  test.each([
    ["in absolute form", "http://evil.example/v2/"],
    ["in absolute form with our own host", "http://cache/v2/library/demo/manifests/1"],
    ["with a step upwards", "/v2/../../etc/passwd"],
    ["with a step upwards inside a name", "/v2/library/../demo/manifests/1"],
    ["with escaped dots", "/v2/%2e%2e/%2e%2e/etc/passwd"],
    ["with an escaped slash", "/v2/library%2fdemo/manifests/1"],
    ["with an empty part", "/v2//library/demo/manifests/1"],
    ["with an empty first part", "//evil.example/v2/"],
    ["with an escaped NUL", "/v2/library/demo%00/manifests/1"],
    ["with a NUL", "/v2/library/demo\0/manifests/1"],
    ["with a byte above ASCII", "/v2/library/d\u00e9mo/manifests/1"],
    ["with a backslash", "/v2/library\\demo/manifests/1"],
    ["with a badly escaped value", "/v2/library/demo/manifests/1?ns=%zz"],
    ["with `ns` twice", "/v2/library/demo/manifests/1?ns=docker.io&ns=ghcr.io"],
    ["of more than 8 KiB", `/v2/${"a".repeat(8200)}/manifests/1`],
    ["of more than the header may have", `/v2/${"a".repeat(20_000)}/manifests/1`],
  ])("%s is a 400 or a 431 that reaches no upstream", async (_, target) => {
    upstream.requests.clear();
    expect([400, 431]).toContain(await statusOf(request(target)));
    expect(upstream.requests.count()).toBe(0);
  });
});

test("more than 16 KiB of headers is a 431", async () => {
  const headers = ["Host: cache", `X-Long: ${"a".repeat(17_000)}`];
  expect(await statusOf(request("/v2/library/demo/manifests/1", { headers }))).toBe(431);
});

describe("a request that two servers could read differently", () => {
  test.each([
    ["two Host headers", ["Host: cache", "Host: docker.io"], ""],
    ["two Host headers that agree", ["Host: cache", "host: cache"], ""],
    ["a body by length", ["Host: cache", "Content-Length: 5"], "hello"],
    ["a body by chunks", ["Host: cache", "Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"],
    ["both framings", ["Host: cache", "Content-Length: 4", "Transfer-Encoding: chunked"], "0\r\n\r\n"],
    ["two lengths", ["Host: cache", "Content-Length: 0", "Content-Length: 5"], "hello"],
    ["a length with a sign", ["Host: cache", "Content-Length: +5"], "hello"],
    ["a space before the colon", ["Host: cache", "Content-Length : 5"], "hello"],
    ["a folded header", ["Host: cache", "X-One: a", " b"], ""],
  ])("is a 400: %s", async (_, headers, body) => {
    upstream.requests.clear();
    expect(await statusOf(request("/v2/library/demo/manifests/1", { headers, body }))).toBe(400);
    expect(upstream.requests.count()).toBe(0);
  });

  test("is a 400: no Host header", async () => {
    expect(await send(request("/v2/library/demo/manifests/1", { headers: [] }))).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("does not smuggle a second one in its body", async () => {
    const inner = request("/v2/library/demo/manifests/1");
    const headers = ["Host: cache", `Content-Length: ${inner.length}`];
    const outer = request("/v2/", { headers }).replace("Connection: close\r\n", "");
    const replies = await exchange(outer + inner);
    expect(replies.map(({ status }) => status)).toEqual([400]);
  });

  test("may have a length of 0", async () => {
    expect(await statusOf(request("/v2/", { headers: ["Host: cache", "Content-Length: 0"] }))).toBe(200);
  });
});

describe("a method that is no pull", () => {
  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "SEARCH"])(
    "%s is a 405 with Allow, before anything of the request is looked at",
    async (method) => {
      for (const target of [
        "/v2/library/demo/manifests/1",
        "/v2/../%00",
        "/nothing",
        "/v2/library/demo/blobs/uploads/",
      ]) {
        const [reply, ...others] = await exchange(request(target, { method }));
        expect([reply?.status, reply?.headers["allow"], codeOf(reply)]).toEqual([405, "GET, HEAD", "UNSUPPORTED"]);
        expect(others).toEqual([]);
      }
    },
  );

  test("is a 405 with a body too, and the body is not taken for a request", async () => {
    const body = request("/v2/library/demo/manifests/1");
    const headers = ["Host: cache", `Content-Length: ${body.length}`];
    expect(await statusOf(request("/v2/library/demo/blobs/uploads/", { method: "POST", headers, body }))).toBe(405);
  });

  test("that no server knows is a 400", async () => {
    expect(await statusOf(request("/v2/", { method: "BREW" }))).toBe(400);
    expect(await statusOf(request("/v2/", { method: "get" }))).toBe(400);
  });

  test("opens no tunnel", async () => {
    const replies = await exchange("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
    expect(replies.filter(({ status }) => status < 400)).toEqual([]);
  });
});

describe("a path that is nothing", () => {
  test.each([
    "/",
    "/favicon.ico",
    "/v1/",
    "/v2/_catalog",
    "/v2/_catalog?n=1000000000",
    "/v2/library/demo",
    "/v2/library/demo/tags",
    "/v2/library/demo/blobs/uploads/",
    "/metrics",
    "/healthz",
    "/api/v1/stats",
  ])("%s is a 404 with a registry's body", async (target) => {
    upstream.requests.clear();
    const [reply] = await exchange(request(target));
    expect([reply?.status, codeOf(reply)]).toEqual([404, "UNSUPPORTED"]);
    expect(reply?.headers["docker-distribution-api-version"]).toBe("registry/2.0");
    expect(upstream.requests.count()).toBe(0);
  });
});

describe("one connection", () => {
  test("answers pipelined requests in their order", async () => {
    const blob = image.layers[0]?.digest ?? "";
    const keep = { headers: ["Host: cache", "X-Keep: 1"] };
    const texts = [
      request(`/v2/library/demo/blobs/${blob}`, keep),
      request("/v2/library/demo/manifests/none", keep),
      request(`/v2/library/demo/manifests/${image.digest}`, keep),
      request("/v2/_catalog", keep),
    ].map((text) => text.replace("Connection: close\r\n", ""));
    const replies = await exchange([...texts, request("/v2/")].join(""));
    expect(replies.map(({ status }) => status)).toEqual([200, 404, 200, 404, 200]);
    expect(replies.map(({ body }) => body.length)).toEqual([
      1000,
      ...replies.slice(1).map((reply) => Number(reply.headers["content-length"])),
    ]);
    expect(replies[2]?.body).toBe(image.manifest.toString("latin1"));
  });

  test("ends behind a request that was refused by the guard, so that nothing behind it is read", async () => {
    const bad = request("/v2/%00").replace("Connection: close\r\n", "");
    const replies = await exchange(bad + request("/v2/"));
    expect(replies.map(({ status, headers }) => [status, headers["connection"]])).toEqual([[400, "close"]]);
  });

  test("ends behind bytes that are no HTTP", async () => {
    for (const text of ["\0\x01\x02\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"]) {
      expect(await statusOf(text)).toBe(400);
    }
  });
});
