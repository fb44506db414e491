import { describe, expect, it } from "vitest";
import { OperationRefused } from "../../../src/admin/index.ts";
import { askWithToken, problem } from "./admin-server.ts";
import { rfc3339, someJob, time } from "./reports.ts";

const method = "POST";

describe("POST /api/v1/verify", () => {
  it.each([{}, undefined])("starts a job and says where it is asked about, for the body %j", async (body) => {
    const { status, headers, json } = await askWithToken({ startVerify: () => someJob() }, "/verify", { method, body });
    expect({ status, json }).toEqual({ status: 202, json: { id: "job-1" } });
    expect(headers.location).toBe("/api/v1/jobs/job-1");
  });

  it("is refused while one runs", async () => {
    const startVerify = () => {
      throw new OperationRefused(409, "a verification runs already");
    };
    const { json } = await askWithToken({ startVerify }, "/verify", { method, body: {} });
    expect(json).toMatchObject(problem(409, "a verification runs already"));
  });

  it("takes no fields", async () => {
    const { json } = await askWithToken({}, "/verify", { method, body: { deep: true } });
    expect(json).toMatchObject(problem(400, '"deep", which means nothing here: it must be empty'));
  });
});

describe("POST /api/v1/backup", () => {
  it("starts a job for an absolute directory", async () => {
    const startBackup = () => someJob({ kind: "backup" });
    const body = { directory: "/srv/backup" };
    const { status, headers, asked } = await askWithToken({ startBackup }, "/backup", { method, body });
    expect(status).toBe(202);
    expect(headers.location).toBe("/api/v1/jobs/job-1");
    expect(asked).toEqual([["startBackup", "/srv/backup"]]);
  });

  it.each([
    [{}, "directory is missing: for instance /srv/backup"],
    [{ directory: "backup" }, "must be an absolute path on the file system of the server"],
    [{ directory: "/srv/\0" }, "must be an absolute path"],
    [{ directory: 1 }, "must be text"],
  ])("refuses %j in words", async (body, words) => {
    const { json, asked } = await askWithToken({}, "/backup", { method, body });
    expect(json).toMatchObject(problem(400, words));
    expect(asked).toEqual([]);
  });
});

describe("/api/v1/jobs/{id}", () => {
  it("says how far a job is", async () => {
    const { status, json, asked } = await askWithToken({ job: () => someJob() }, "/jobs/job-1");
    expect(status).toBe(200);
    expect(asked).toEqual([["job", "job-1"]]);
    expect(json).toEqual({ ...someJob(), startedAt: rfc3339, endedAt: null, result: null, error: null });
  });

  it("says what came of it", async () => {
    const result = { blobs: 4, bytes: 5, findings: [] };
    const { json } = await askWithToken({ job: () => someJob({ state: "done", endedAt: time, result }) }, "/jobs/a");
    expect(json).toMatchObject({ state: "done", endedAt: rfc3339, result, error: null });
  });

  it.each([
    [true, 202],
    [false, 200],
  ])("cancels one that was running: %j", async (wasRunning, status) => {
    const cancelJob = () => wasRunning;
    const answer = await askWithToken({ job: () => someJob(), cancelJob }, "/jobs/job-1", { method: "DELETE" });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ id: "job-1" });
    expect(answer.asked).toContainEqual(["cancelJob", "job-1"]);
  });

  it.each(["GET", "DELETE"])("answers 404 to %s for one that it does not know", async (verb) => {
    const { json } = await askWithToken({ job: () => undefined }, "/jobs/other", { method: verb });
    expect(json).toMatchObject(problem(404, "there is no such job"));
  });
});
