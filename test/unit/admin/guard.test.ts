import { describe, expect, it } from "vitest";
import { askAdmin } from "./admin-server.ts";

const path = "/api/v1/stats";

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
