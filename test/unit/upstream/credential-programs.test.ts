import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";

import { runProgram } from "../../../src/upstream/credentials/program.ts";
import { startUpstream } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";
import { placeProgram, printing, scratch } from "./programs.ts";

const app = repositoryName("team/app");
const minute = 60_000;

async function startBasic() {
  const registry = await startUpstream({ auth: { kind: "basic", users: { me: "first" } } });
  onTestFinished(() => registry.close());
  registry.pushImage(app, "1");
  const become = (password: string): void =>
    void Object.assign(registry.authorization.settings.users, { me: password });
  return { registry, become };
}

const helperPrints = (password: string) => printing({ ServerURL: "x", Username: "me", Secret: password });

describe("a credential helper", () => {
  it("is told the registry on its standard input, once for all who wait, and its answer kept for five minutes", async () => {
    const { registry } = await startBasic();
    const helper = placeProgram("docker-credential-test", helperPrints("first"));
    let now = 0;
    const { upstream } = connect(registry.url, { credentials: { kind: "helper", name: "test" }, now: () => now });
    const ask = () => upstream.getManifest(app, tagged("1"), unhurried());
    expect(await Promise.all([ask(), ask(), ask()])).not.toContain(undefined);
    now = 5 * minute - 1;
    await ask();
    expect(helper.runs()).toEqual([`get 127.0.0.1:${registry.port}`]);
    now = 5 * minute;
    await ask();
    expect(helper.runs()).toHaveLength(2);
  });

  it("is asked again at once when its answer is refused, and the request made once more", async () => {
    const { registry, become } = await startBasic();
    const helper = placeProgram("docker-credential-test", helperPrints("first"));
    let now = 0;
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "helper", name: "test" },
      now: () => now,
    });
    await upstream.getManifest(app, tagged("1"), unhurried());
    now = minute;
    become("second");
    helper.does(helperPrints("second"));
    registry.requests.clear();
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    // Refused, challenged anew, let in.
    expect(registry.requests.entries.map(({ status }) => status)).toEqual([401, 401, 200]);
    expect([helper.runs().length, reports.broken]).toEqual([2, []]);
  });

  it("whose answer stays refused is not run for every request", async () => {
    const { registry } = await startBasic();
    const helper = placeProgram("docker-credential-test", helperPrints("wrong"));
    let now = 0;
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "helper", name: "test" },
      now: () => now,
    });
    for (let turn = 0; turn < 5; turn += 1) {
      expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({ isRefusal: false });
    }
    expect(helper.runs()).toHaveLength(1);
    expect(reports.broken).toHaveLength(5);
    now = 10_000;
    await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(helper.runs()).toHaveLength(2);
  });

  it.each([
    ["fails", "echo hunter2; echo hunter2 >&2; exit 3", "exited with 3"],
    ["prints no JSON", "echo hunter2", "did not print JSON"],
    ["prints something else", `echo '{"Username":"hunter2"}'`, "printed no Username and Secret"],
    ["prints without an end", "yes hunter2", "printed more than 65536 bytes"],
    ["dies", "kill -9 $$", "was killed by SIGKILL"],
  ])("that %s leaves the registry unasked, and its output unsaid", async (_, script, why) => {
    const { registry } = await startBasic();
    const helper = placeProgram("docker-credential-test", script);
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "helper", name: "test" },
      now: () => 0,
    });
    for (let turn = 0; turn < 3; turn += 1) {
      const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
      expect(error).toMatchObject({ kind: "unauthorized", status: undefined, isRefusal: false });
      expect(error.message).toBe(`our own credentials for 127.0.0.1:${registry.port} cannot be had; the log says why`);
      expect(`${error.stack ?? ""}${String(error.cause)}`).not.toContain("hunter2");
    }
    expect(reports.broken[0]).toBe(`docker-credential-test ${why}`);
    expect([registry.requests.count(), helper.runs().length]).toEqual([0, 1]);
  });

  it("that fails later changes nothing as long as what it said before is accepted", async () => {
    const { registry } = await startBasic();
    const helper = placeProgram("docker-credential-test", helperPrints("first"));
    let now = 0;
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "helper", name: "test" },
      now: () => now,
    });
    await upstream.getManifest(app, tagged("1"), unhurried());
    helper.does("exit 1");
    now = 6 * minute;
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(reports.broken).toEqual(["docker-credential-test exited with 1"]);
  });

  it("may give a refresh token, which goes to the token service in the body of a POST", async () => {
    const registry = await startUpstream({
      auth: { kind: "bearer", refreshTokens: { "re fresh": "me" }, privateRepositories: { "team/app": ["me"] } },
    });
    onTestFinished(() => registry.close());
    registry.pushImage(app, "1");
    placeProgram("docker-credential-test", printing({ Username: "<token>", Secret: "re fresh" }));
    const { upstream } = connect(registry.url, { credentials: { kind: "helper", name: "test" } });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    const [token] = registry.requests.filter({ kind: "token" });
    expect([token?.method, [...(token?.query.keys() ?? [])], token?.headers.authorization]).toEqual([
      "POST",
      [],
      undefined,
    ]);
  });
});

describe("a command", () => {
  it("prints the password of a configured user", async () => {
    const { registry } = await startBasic();
    const program = placeProgram("print-password", "echo first");
    const command = [program.path, "one two", "$HOME"];
    const { upstream } = connect(registry.url, { credentials: { kind: "command", command, username: "me" } });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(program.runs()).toEqual(["one two $HOME "]);
  });

  it("prints JSON with an end, a fifth of whose time is left unused", async () => {
    const { registry } = await startBasic();
    let now = Date.parse("2026-01-01T00:00:00Z");
    const expiresAt = new Date(now + 2 * minute).toISOString();
    const program = placeProgram("print-json", printing({ username: "me", password: "first", expiresAt }));
    const command = [program.path];
    const { upstream } = connect(registry.url, {
      credentials: { kind: "command", command, username: undefined },
      now: () => now,
    });
    const ask = () => upstream.getManifest(app, tagged("1"), unhurried());
    await ask();
    now += 96_000 - 1;
    await ask();
    expect(program.runs()).toHaveLength(1);
    now += 1;
    await ask();
    expect(program.runs()).toHaveLength(2);
  });

  it("prints a token for the registry itself", async () => {
    const { registry } = await startBasic();
    const program = placeProgram("print-token", printing({ token: "t0k" }));
    const credentials = { kind: "command", command: [program.path], username: undefined } as const;
    await failureOf(connect(registry.url, { credentials }).upstream.getManifest(app, tagged("1"), unhurried()));
    expect(registry.requests.entries[0]?.headers.authorization).toBe("Bearer t0k");
  });

  it.each([
    ["{}", "printed neither a token nor a username with a password"],
    ['{"token":"a b"}', "holds no token: a token is visible ASCII without spaces"],
    ['{"token":"a","expiresAt":"soon"}', "printed an expiresAt that is no time in RFC 3339"],
    ["null", "did not print a JSON object"],
  ])("that prints %s is broken, in words", async (text, why) => {
    const program = placeProgram("print-wrong", `printf '%s' '${text}'`);
    const credentials = { kind: "command", command: [program.path], username: undefined } as const;
    const { upstream, reports } = connect("http://127.0.0.1:9", { credentials });
    await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(reports.broken).toEqual([`${program.path} ${why}`]);
  });
});

describe("a program", () => {
  const closing = new AbortController().signal;

  it("that takes too long is killed, with what it has started", async () => {
    const mark = join(scratch(), "alive");
    const program = placeProgram("sleep-long", `(trap '' TERM; sleep 600; touch '${mark}') & wait`);
    const run = runProgram([program.path], { input: "", timeoutMs: 50, closing });
    await expect(run).rejects.toThrow("did not end within 50 ms");
    expect(existsSync(mark)).toBe(false);
  });

  it("that is not there is an error in words", async () => {
    const run = runProgram(["/nowhere/program"], { input: "", timeoutMs: 1000, closing });
    await expect(run).rejects.toThrow("/nowhere/program cannot be started (ENOENT)");
  });

  it("need not read what it is given", async () => {
    const path = join(scratch(), "deaf");
    writeFileSync(path, "#!/bin/sh\nexec echo out\n", { mode: 0o755 });
    expect(await runProgram([path], { input: "x".repeat(1_000_000), timeoutMs: 5000, closing })).toBe("out\n");
  });

  it("is ended when the upstream client is closed", async () => {
    const program = placeProgram("sleep-long", "sleep 600");
    const { upstream } = connect("http://127.0.0.1:9", {
      credentials: { kind: "command", command: [program.path], username: "me" },
    });
    const asked = failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    await upstream.close();
    expect((await asked).kind).toBe("unauthorized");
  });
});
