import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { createAdminApp } from "../../../src/admin/index.ts";
import { adminOptions, askAdmin, bearer, fakeOperations, listen, type Answer } from "./admin-server.ts";
import { alpine } from "./reports.ts";

const json = { ...bearer, "content-type": "application/json" };
const operations = () => fakeOperations({ putPin: () => Promise.resolve() });

function post(headers: Record<string, string>, body: string | Buffer): Promise<Answer> {
  return askAdmin({ operations: operations() }, "/api/v1/pins", { method: "POST", headers, body });
}

describe("a body", () => {
  it.each(["application/json", "application/json; charset=utf-8", "Application/JSON"])(
    "is read as %s",
    async (type) => {
      expect((await post({ ...bearer, "content-type": type }, JSON.stringify({ image: alpine }))).status).toBe(200);
    },
  );

  it("is read where its length is not said", async () => {
    const headers = { ...json, "transfer-encoding": "chunked" };
    expect((await post(headers, JSON.stringify({ image: alpine }))).status).toBe(200);
  });

  it.each([undefined, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"])(
    "of type %s is refused with 415",
    async (type) => {
      const answer = await post({ ...bearer, ...(type !== undefined && { "content-type": type }) }, "{}");
      expect(answer.status).toBe(415);
      expect(answer.body).toContain("Content-Type: application/json");
    },
  );

  it("that is compressed is refused with 415", async () => {
    expect((await post({ ...json, "content-encoding": "gzip" }, "{}")).status).toBe(415);
  });

  it.each([
    ["not JSON", "{"],
    ["not UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["a list", "[]"],
    ["null", "null"],
    ["text", '"a"'],
  ])("that is %s is refused with 400", async (_words, body) => {
    const answer = await post(json, body);
    expect(answer.status).toBe(400);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
  });

  const fits = `{"image": "${alpine}"}`.padEnd(64 * 1024);
  it.each([
    ["with its length said", {}],
    ["in chunks", { "transfer-encoding": "chunked" }],
  ])("is read up to 64 KiB, and one byte more is refused with 413, %s", async (_words, headers) => {
    expect((await post({ ...json, ...headers }, fits)).status).toBe(200);
    const answer = await post({ ...json, ...headers }, `${fits} `);
    expect(answer.status).toBe(413);
    expect(answer.body).toContain("64 KiB");
  });

  it.each(["GET", "HEAD", "PUT", "PATCH", "OPTIONS"])("of %s is refused with 400", async (method) => {
    const headers = { ...json, "content-length": "2" };
    expect((await askAdmin({}, "/api/v1/stats", { method, headers, body: "{}" })).status).toBe(400);
  });

  it.each(["/healthz", "/readyz", "/metrics", "/nothing"])("of POST %s is refused with 400", async (path) => {
    expect((await askAdmin({}, path, { method: "POST", headers: json, body: "{}" })).status).toBe(400);
  });

  it("is not read from who has no token", async () => {
    const asked = operations();
    const answer = await askAdmin({ operations: asked }, "/api/v1/pins", {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: "{",
    });
    expect(answer.status).toBe(401);
    expect(asked.asked).toEqual([]);
  });

  it("that ends too early changes nothing, and is no error of ours", async () => {
    const asked = operations();
    const url = new URL(await listen(createAdminApp(adminOptions({ operations: asked }))));
    const socket = connect(Number(url.port), url.hostname);
    socket.end(
      `POST /api/v1/pins HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer the-token\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"image": "${alpine}"`,
    );
    await text(socket).catch(() => undefined);
    expect(asked.asked).toEqual([]);
  });

  it("that was too large does not spoil what follows on the connection", async () => {
    const url = new URL(await listen(createAdminApp(adminOptions({ operations: operations() }))));
    const socket = connect(Number(url.port), url.hostname);
    const head = "Host: localhost\r\nAuthorization: Bearer the-token\r\n";
    const large = " ".repeat(8 * 1024 * 1024);
    socket.write(
      `POST /api/v1/pins HTTP/1.1\r\n${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`,
    );
    socket.write(`GET /api/v1/stats HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
    const answers = await text(socket);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 413", "HTTP/1.1 200"]);
  });
});
