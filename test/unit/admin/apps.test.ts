import { describe, expect, it } from "vitest";
import { createAdminApp, createMetricsApp } from "../../../src/admin/index.ts";
import { adminOptions, ask, askAdmin, bearer, fakeOperations, someStats } from "./admin-server.ts";

describe.each([
  ["the admin listener", createAdminApp],
  ["the metrics listener", createMetricsApp],
])("%s", (_name, createApp) => {
  const exposed = adminOptions({ isLoopback: false });

  it("says that it lives, to whoever asks", async () => {
    const answer = await ask(createApp(exposed), "/healthz", { headers: { host: "any.example" } });
    expect(answer).toMatchObject({ status: 200, body: "ok" });
  });

  it("says that it is ready", async () => {
    const answer = await ask(createApp(exposed), "/readyz");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({ ready: true, reasons: [] });
  });

  it("says why it is not ready", async () => {
    const readiness = () => ({ ready: false, reasons: ["the database is being rebuilt"] });
    const answer = await ask(createApp({ ...exposed, readiness }), "/readyz");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toEqual({ ready: false, reasons: ["the database is being rebuilt"] });
  });

  it("gives Prometheus its text with its own content type", async () => {
    const answer = await ask(createApp(exposed), "/metrics");
    expect(answer).toMatchObject({ status: 200, body: "entrepot_flights 0\n" });
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4");
  });

  it.each(["/healthz", "/readyz", "/metrics"])("answers HEAD on %s without a body", async (path) => {
    expect(await ask(createApp(exposed), path, { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS"])("refuses %s and says what is allowed", async (method) => {
    const answer = await ask(createApp(exposed), "/healthz", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
    expect(answer.headers["content-type"]).toBe("application/problem+json");
  });

  it.each(["/", "/v2/", "/healthz/", "/Healthz", "/%zz", "/api"])("answers %s with a problem 404", async (path) => {
    const answer = await ask(createApp(exposed), path);
    expect(answer.status).toBe(404);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(answer.body)).toEqual({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      detail: "there is nothing here",
    });
  });

  it("does not say what it is built with, and is not stored", async () => {
    const { headers } = await ask(createApp(exposed), "/healthz");
    expect(headers["x-powered-by"]).toBeUndefined();
    expect(headers["cache-control"]).toBe("no-store");
  });

  it("answers a failure with a problem 500 without inner text, and reports it", async () => {
    const failure = new Error("password=hunter2");
    const reported: unknown[] = [];
    const metrics = { render: () => Promise.reject(failure) };
    const answer = await ask(createApp({ ...exposed, metrics, onError: (error) => reported.push(error) }), "/metrics");
    expect(answer.status).toBe(500);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.body).not.toContain("hunter2");
    expect(reported).toEqual([failure]);
  });
});

describe("the metrics listener", () => {
  it("has no admin API", async () => {
    const answer = await ask(createMetricsApp(adminOptions()), "/api/v1/stats", {
      headers: { authorization: "Bearer the-token" },
    });
    expect(answer.status).toBe(404);
  });
});

describe("the admin API", () => {
  it("gives the statistics", async () => {
    const answer = await askAdmin({}, "/api/v1/stats");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/);
    expect(JSON.parse(answer.body)).toEqual(someStats);
  });

  it("waits for statistics that take their time", async () => {
    const answer = await askAdmin({ stats: () => Promise.resolve(someStats) }, "/api/v1/stats");
    expect(JSON.parse(answer.body)).toEqual(someStats);
  });

  it("refuses to change what can only be read", async () => {
    const answer = await askAdmin({}, "/api/v1/stats", { method: "POST", headers: bearer });
    expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it.each([
    ["/explain", "POST", "GET, HEAD"],
    ["/eviction/plan", "POST", "GET, HEAD"],
    ["/evict", "GET", "POST"],
    ["/evict", "HEAD", "POST"],
    ["/pins", "PUT", "GET, HEAD, POST, DELETE"],
    ["/tag-history", "DELETE", "GET, HEAD"],
    ["/rollback", "GET", "POST"],
    ["/verify", "GET", "POST"],
    ["/backup", "DELETE", "POST"],
    ["/jobs/job-1", "POST", "GET, HEAD, DELETE"],
  ])("says of %s what is possible instead of %s", async (path, method, allow) => {
    const answer = await askAdmin({}, `/api/v1${path}`, { method, headers: bearer });
    expect(answer).toMatchObject({ status: 405, headers: { allow, "cache-control": "no-store" } });
    expect(answer.headers["content-type"]).toBe("application/problem+json");
  });

  it("answers a failure with a problem 500 without inner text, and reports it", async () => {
    const failure = new Error("password=hunter2");
    const reported: unknown[] = [];
    const operations = fakeOperations({ plan: () => Promise.reject(failure) });
    const onError = (error: unknown) => reported.push(error);
    const answer = await askAdmin({ operations, onError }, "/api/v1/eviction/plan?freeBytes=1");
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain("hunter2");
    expect(reported).toEqual([failure]);
  });

  it.each(["/nothing", "/pins/", "/Pins", "/jobs", "/jobs/", "/jobs/a/b"])("knows no path %s", async (path) => {
    expect((await askAdmin({}, `/api/v1${path}`)).status).toBe(404);
  });
});
