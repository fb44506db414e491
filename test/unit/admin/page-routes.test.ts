import { describe, expect, it } from "vitest";
import { createAdminApp, createMetricsApp } from "../../../src/admin/index.ts";
import { readPage } from "../../../src/console/index.ts";
import { adminOptions, ask, askAdmin, bearer, type Answer, type Question } from "./admin-server.ts";

const page = await readPage();

function askPage(
  path: string,
  question?: Question,
  listener: { isLoopback?: boolean; isUnixSocket?: boolean } = {},
): Promise<Answer> {
  return askAdmin({ page, ...listener }, path, question);
}

describe("the page", () => {
  it("is served without a token, on loopback and elsewhere", async () => {
    for (const isLoopback of [true, false]) {
      const answer = await askPage("/", {}, { isLoopback });
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
      expect(answer.body).toContain("<title>entrepot</title>");
    }
  });

  it.each([
    ["/console/main.js", "text/javascript; charset=utf-8"],
    ["/console/style/base.css", "text/css; charset=utf-8"],
    ["/console/icon.svg", "image/svg+xml"],
    ["/console/vendor/uplot.js", "text/javascript; charset=utf-8"],
    ["/console/vendor/uplot.css", "text/css; charset=utf-8"],
  ])("serves %s with its type", async (path, type) => {
    expect((await askPage(path)).headers["content-type"]).toBe(type);
  });

  it("lets the browser load and send nothing but to this listener", async () => {
    const { headers } = await askPage("/");
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
  });

  it("sets no cookie, so that no other site can make use of one", async () => {
    expect((await askPage("/")).headers["set-cookie"]).toBeUndefined();
  });

  it("is asked about each time, and not sent again while it is the same", async () => {
    const first = await askPage("/console/main.js");
    expect(first.headers["cache-control"]).toBe("no-cache");
    const again = await askPage("/console/main.js", { headers: { "if-none-match": String(first.headers.etag) } });
    expect(again).toMatchObject({ status: 304, body: "" });
    const changed = await askPage("/console/main.js", { headers: { "if-none-match": '"other"' } });
    expect(changed.status).toBe(200);
  });

  it("answers HEAD without a body, and refuses other methods", async () => {
    expect(await askPage("/", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
    const answer = await askPage("/", { method: "POST" });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  });

  it.each([
    "/console/",
    "/console/index.html",
    "/console/documents.d.ts",
    "/console/tsconfig.json",
    "/console/../index.ts",
    "/console/%2e%2e/index.ts",
    "/console/..%2f..%2fapp.ts",
    "/console/vendor/../../../package.json",
    "/console/constructor",
  ])("has nothing else: %s", async (path) => {
    expect((await askPage(path)).status).toBe(404);
  });

  it("is not on the metrics listener", async () => {
    expect((await ask(createMetricsApp(adminOptions({ page })), "/")).status).toBe(404);
  });

  it.each([{ isLoopback: true }, { isLoopback: false, isUnixSocket: true }])(
    "is refused under a name that is not of loopback, where loopback is trusted: %o",
    async (listener) => {
      const rebound = { headers: { host: "rebound.example" } };
      expect((await askPage("/", rebound, listener)).status).toBe(403);
      expect(
        (await askPage("/console/main.js", { headers: { host: "rebound.example", ...bearer } }, listener)).status,
      ).toBe(403);
    },
  );

  it("is served under any name on a listener for others, which is of no use without the token", async () => {
    expect((await askPage("/", { headers: { host: "cache.example" } }, { isLoopback: false })).status).toBe(200);
  });

  it("takes no body", async () => {
    const body = await ask(createAdminApp(adminOptions({ page })), "/", {
      headers: { "content-type": "text/plain" },
      body: "x",
    });
    expect(body.status).toBe(400);
  });
});
