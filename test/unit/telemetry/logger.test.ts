import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createLogger, type LoggerOptions } from "../../../src/telemetry/index.ts";

function logged(options: Partial<LoggerOptions>, write: (logger: ReturnType<typeof createLogger>) => void): string {
  const destination = new PassThrough();
  write(createLogger({ level: "info", format: "auto", ...options, destination }));
  return (destination.read() as Buffer | null)?.toString() ?? "";
}

function loggedLine(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  return JSON.parse(logged({}, write)) as Record<string, unknown>;
}

describe("the logger", () => {
  it("writes one line of JSON with its level in words and its time in RFC 3339", () => {
    const line = loggedLine((logger) => logger.warn({ outcome: "hit", bytes: 12 }, "request"));
    expect(line).toEqual({
      level: "warn",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      outcome: "hit",
      bytes: 12,
      msg: "request",
    });
  });

  it("keeps quiet below its level", () => {
    expect(logged({ level: "warn" }, (logger) => logger.info("unimportant"))).toBe("");
    expect(logged({ level: "silent" }, (logger) => logger.fatal("unimportant"))).toBe("");
  });

  it("writes lines for people where that is asked for, not JSON", () => {
    const text = logged({ format: "readable" }, (logger) => logger.info({ outcome: "hit" }, "request"));
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: request\n\s+outcome: "hit"\n$/);
  });

  it("writes an error's words, code, kind, stack and causes, and none of its other properties", () => {
    const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED", headers: { authorization: "hunter2" } });
    const err = Object.assign(new Error("no answer", { cause }), {
      kind: "unreachable",
      request: { token: "hunter2" },
    });
    const text = logged({}, (logger) => logger.error({ err }, "failed"));
    expect(JSON.parse(text)).toMatchObject({
      err: {
        type: "Error",
        message: "no answer",
        kind: "unreachable",
        cause: { message: "refused", code: "ECONNREFUSED" },
      },
    });
    expect(text).not.toContain("hunter2");
  });

  it("writes no credentials, even when a room hands them over by mistake", () => {
    const secrets = { authorization: "hunter2", password: "hunter2", token: "hunter2", headers: { cookie: "hunter2" } };
    const text = logged({}, (logger) => logger.info({ ...secrets, request: secrets, err: { ...secrets } }, "request"));
    expect(text).not.toContain("hunter2");
  });
});
