import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { askAdmin, bearer, fakeOperations, type Question } from "./admin-server.ts";

const path = "/api/v1/stats";
const pin: Question = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: '{"image": "docker.io/library/alpine:3"}',
};

describe("reading the admin API on loopback", () => {
  it.each([
    "localhost",
    "LOCALHOST:5001",
    "entrepot.localhost:5001",
    "127.0.0.1",
    "127.0.0.1:5001",
    "127.1.2.3",
    "[::1]:5001",
    "[::1]",
  ])("is free for who calls it %s", async (host) => {
    expect((await askAdmin({}, path, { headers: { host } })).status).toBe(200);
  });

  it.each([
    "rebound.example",
    "127.0.0.1.rebound.example",
    "localhost.rebound.example:5001",
    "10.0.0.1",
    "[::2]",
    "notlocalhost",
  ])("is refused for who calls it %s: DNS rebinding", async (host) => {
    const answer = await askAdmin({}, path, { headers: { host } });
    expect(answer.status).toBe(403);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
  });

  it("is possible by any name with the token", async () => {
    const headers = { host: "cache.example", authorization: "Bearer the-token" };
    expect((await askAdmin({}, path, { headers })).status).toBe(200);
  });

  it("is refused with a wrong token, which is a mistake that should show", async () => {
    expect((await askAdmin({}, path, { headers: { authorization: "Bearer other" } })).status).toBe(401);
  });
});

describe("reading the admin API from elsewhere", () => {
  it("is possible with the token", async () => {
    const headers = { authorization: "bearer the-token" };
    expect((await askAdmin({ isLoopback: false }, path, { headers })).status).toBe(200);
  });

  it("is refused without it, even for who says localhost", async () => {
    const answer = await askAdmin({ isLoopback: false }, path, { headers: { host: "localhost" } });
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="entrepot admin"');
    expect(JSON.parse(answer.body)).toMatchObject({ title: "Unauthorized", status: 401 });
  });

  it.each(["Bearer other", "Bearer the-token2", "Bearer the-toke", "Bearer ", "Basic dGhlLXRva2Vu", "the-token"])(
    "is refused with %j, and the token is not told",
    async (authorization) => {
      const answer = await askAdmin({ isLoopback: false }, path, { headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain("the-token");
    },
  );

  it("is refused before a path is known or not", async () => {
    expect((await askAdmin({ isLoopback: false }, "/api/v1/nothing")).status).toBe(401);
    expect((await askAdmin({ isLoopback: false }, path, { method: "POST" })).status).toBe(401);
  });
});

describe("writing by the admin API", () => {
  const tried = async (options: { isLoopback?: boolean; isUnixSocket?: boolean }, question: Question) => {
    const operations = fakeOperations({ putPin: () => Promise.resolve() });
    const answer = await askAdmin({ ...options, operations }, "/api/v1/pins", {
      ...question,
      headers: { ...pin.headers, ...question.headers },
    });
    return { status: answer.status, written: operations.asked.length, headers: answer.headers };
  };

  it.each([
    ["on loopback", true],
    ["from elsewhere", false],
  ])("is refused without the token %s", async (_words, isLoopback) => {
    const { status, written, headers } = await tried({ isLoopback }, pin);
    expect({ status, written }).toEqual({ status: 401, written: 0 });
    expect(headers["www-authenticate"]).toBe('Bearer realm="entrepot admin"');
  });

  it.each([true, false])("is possible with the token, on loopback (%j) or not, by any name", async (isLoopback) => {
    const headers = { ...bearer, host: "cache.example" };
    expect(await tried({ isLoopback }, { ...pin, headers })).toMatchObject({ status: 200, written: 1 });
  });

  it.each(["PUT", "PATCH", "DELETE", "OPTIONS"])("is refused without the token by %s too", async (method) => {
    expect(await tried({}, { method })).toMatchObject({ status: 401, written: 0 });
  });

  describe("over a unix socket", () => {
    const overSocket = (question: Question) => {
      const directory = mkdtempSync(join(tmpdir(), "entrepot-admin-"));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const socketPath = join(directory, "admin.sock");
      return tried({ isLoopback: false, isUnixSocket: true }, { ...question, socketPath });
    };

    it("needs no token", async () => {
      expect(await overSocket(pin)).toMatchObject({ status: 200, written: 1 });
    });

    it("is refused with a wrong token", async () => {
      const headers = { authorization: "Bearer other" };
      expect(await overSocket({ ...pin, headers })).toMatchObject({ status: 401, written: 0 });
    });

    it("is refused by another name than a loopback one: it came through another server", async () => {
      const headers = { host: "cache.example" };
      expect(await overSocket({ ...pin, headers })).toMatchObject({ status: 403, written: 0 });
    });
  });
});
