import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";

import { startUpstream, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";
import { placeProgram, printing, scratch } from "./programs.ts";

const app = repositoryName("team/app");
const other = repositoryName("team/other");
const second = 1000;

async function start(auth: NonNullable<UpstreamOptions["auth"]>) {
  const registry = await startUpstream({ auth });
  onTestFinished(() => registry.close());
  registry.pushImage(app, "1");
  registry.pushImage(other, "1");
  return registry;
}

/** Basic and Bearer headers as the registry got them, decoded. */
function shown(registry: Awaited<ReturnType<typeof start>>): (string | undefined)[] {
  return registry.requests.entries.map(({ headers }) => {
    const [scheme, value = ""] = (headers.authorization ?? "").split(" ");
    return scheme === "Basic" ? Buffer.from(value, "base64").toString() : value || undefined;
  });
}

describe("a credential in a file", () => {
  it("that has changed is used within a second, and one that has not is asked for no new token", async () => {
    const registry = await start({ kind: "bearer", users: { me: "first" }, allowsAnonymous: false });
    const file = join(scratch(), "password");
    writeFileSync(file, "first\n");
    let now = 0;
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "password-file", username: "me", file },
      now: () => now,
    });
    await upstream.getManifest(app, tagged("1"), unhurried());
    now += second;
    await upstream.getManifest(app, tagged("1"), unhurried());
    expect(reports.tokens).toEqual([200]);

    Object.assign(registry.authorization.settings.users, { me: "other" });
    writeFileSync(file, "other\n");
    now += second;
    await upstream.getManifest(app, tagged("1"), unhurried());
    expect(reports.tokens).toEqual([200, 200]);
    expect(shown(registry).filter((text) => text?.startsWith("me:"))).toEqual(["me:first", "me:other"]);
  });

  it.each(["basic", "bearer"] as const)("that is refused is read again at once, by a %s registry", async (kind) => {
    const registry = await start({ kind, users: { me: "new" }, allowsAnonymous: false });
    const file = join(scratch(), "password");
    writeFileSync(file, "old");
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "password-file", username: "me", file },
      now: () => 0,
    });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unauthorized", status: 401, isRefusal: false });
    expect(reports.broken).toHaveLength(1);
    writeFileSync(file, "new");
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(reports.broken).toHaveLength(1);
  });

  it("that is gone is used as it was until it is refused", async () => {
    const registry = await start({ kind: "basic", users: { me: "pw" } });
    const file = join(scratch(), "password");
    writeFileSync(file, "pw");
    let now = 0;
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "password-file", username: "me", file },
      now: () => now,
    });
    await upstream.getManifest(app, tagged("1"), unhurried());
    rmSync(file);
    now += second;
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(reports.broken).toEqual([`${file} is not there`]);
    Object.assign(registry.authorization.settings.users, { me: "changed" });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unauthorized", status: undefined });
    expect(error.message).not.toContain(file);
  });

  it("may be a token", async () => {
    const registry = await start({ kind: "bearer" });
    const file = join(scratch(), "token");
    writeFileSync(file, " t0ken\n");
    const { upstream } = connect(registry.url, { credentials: { kind: "token-file", file } });
    await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(shown(registry)).toEqual(["t0ken"]);
  });
});

describe("a Docker config.json", () => {
  it("gives what it holds, and is followed from a pair to a helper", async () => {
    const registry = await start({ kind: "basic", users: { me: "pw", robot: "secret" } });
    const file = join(scratch(), "config.json");
    const host = `127.0.0.1:${registry.port}`;
    const auth = Buffer.from("me:pw").toString("base64");
    writeFileSync(file, JSON.stringify({ auths: { [host]: { auth } } }));
    let now = 0;
    const { upstream } = connect(registry.url, { credentials: { kind: "docker-config", file }, now: () => now });
    await upstream.getManifest(app, tagged("1"), unhurried());
    const helper = placeProgram("docker-credential-test", printing({ Username: "robot", Secret: "secret" }));
    writeFileSync(file, JSON.stringify({ auths: { [host]: {} }, credHelpers: { [host]: "test" } }));
    now += second;
    await upstream.getManifest(app, tagged("1"), unhurried());
    await upstream.getManifest(app, tagged("1"), unhurried());
    expect(shown(registry)).toEqual([undefined, "me:pw", "robot:secret", "robot:secret"]);
    expect(helper.runs()).toEqual([`get ${host}`]);
  });

  it("that no longer knows the registry is broken", async () => {
    const file = join(scratch(), "config.json");
    writeFileSync(file, "{}");
    const { upstream, reports } = connect("http://127.0.0.1:9", { credentials: { kind: "docker-config", file } });
    await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(reports.broken).toEqual([`${file} holds no credentials for 127.0.0.1:9 or registry.test`]);
  });
});

describe("credentials for parts of a registry", () => {
  it("are each used for their own repositories, the first that matches, and share no token", async () => {
    const registry = await start({ kind: "bearer", users: { one: "1", two: "2" }, isRepositoryBound: false });
    const third = repositoryName("free/app");
    registry.pushImage(third, "1");
    const { upstream } = connect(registry.url, {
      credentials: [
        { match: ["team/app", "x/*"], kind: "basic", username: "one", password: "1" },
        { match: ["team/**"], kind: "basic", username: "two", password: "2" },
      ],
    });
    for (const name of [app, other, third]) await upstream.getManifest(name, tagged("1"), unhurried());
    expect(shown(registry).filter((text) => text !== undefined)).toEqual([
      "one:1",
      "token-1-one",
      "two:2",
      "token-2-two",
      "token-3-anonymous",
    ]);
  });

  it("are judged apart: one that works says nothing of the other", async () => {
    const registry = await start({ kind: "basic", users: { one: "1", two: "2" } });
    const { upstream, reports } = connect(registry.url, {
      credentials: [
        { match: ["team/app"], kind: "basic", username: "one", password: "wrong" },
        { match: undefined, kind: "basic", username: "two", password: "2" },
      ],
    });
    await upstream.getManifest(other, tagged("1"), unhurried());
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({ isRefusal: false });
    expect(reports.broken).toHaveLength(1);
  });
});

describe("anonymousFallback", () => {
  const broken = [
    ["a helper that fails", { kind: "helper", name: "none-such" }],
    ["a file that is not there", { kind: "password-file", username: "me", file: "/nowhere" }],
    ["a password that is refused", { kind: "basic", username: "me", password: "wrong" }],
  ] as const;

  it.each(broken)("goes on without credentials after %s, and says so", async (_, credentials) => {
    const registry = await start({
      kind: "bearer",
      users: { me: "pw" },
      privateRepositories: { "team/other": ["me"] },
    });
    const { upstream, reports } = connect(registry.url, { credentials, anonymousFallback: true });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(reports.broken).toHaveLength(1);
    // What is private stays so, and that is no refusal to be believed: with our credentials it might be open.
    const error = await failureOf(upstream.getManifest(other, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unauthorized", isRefusal: false });
  });

  it.each(broken)("is not what happens by itself after %s", async (_, credentials) => {
    const registry = await start({ kind: "bearer", users: { me: "pw" } });
    const { upstream } = connect(registry.url, { credentials });
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({
      kind: "unauthorized",
      isRefusal: false,
    });
    expect(registry.requests.count({ status: 200 })).toBe(0);
  });
});

describe("an origin whose credentials cannot be had", () => {
  it("is stood in for by a mirror", async () => {
    const [origin, mirror] = [await start({}), await start({})];
    const { upstream } = connect([origin.url, mirror.url], {
      credentials: { kind: "password-file", username: "me", file: "/nowhere" },
    });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toMatchObject({ isFromOrigin: false });
    expect(mirror.requests.entries[0]?.headers.authorization).toBeUndefined();
  });
});
