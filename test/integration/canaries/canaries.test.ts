import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { canaryRows } from "./rows.ts";
import { closeScene, filesOf, meantFor, openScene, type RegistryName, type Scene } from "./scene.ts";
import { secrets, secretsIn, type SecretName } from "./secrets.ts";

vi.mock(import("node:dns"), async (original) => {
  const dns = await original();
  const lookup = ((name: string, options: object, callback: (...result: unknown[]) => void) => {
    if (name === "rebound.test") callback(null, [{ address: "127.0.0.1", family: 4 }]);
    else dns.lookup(name, options, callback);
  }) as typeof dns.lookup;
  return { ...dns, lookup, default: { ...dns, lookup } };
});

let scene: Scene;

beforeAll(async () => {
  scene = await openScene();
  vi.stubEnv("PATH", `${scene.instance.directory}:${process.env["PATH"] ?? ""}`);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await closeScene(scene);
});

describe("a secret stays where it is meant to be", () => {
  it("with every upstream well", async () => {
    for (const name of Object.keys(meantFor) as RegistryName[]) {
      expect([name, (await scene.ask(scene.publish(name).path)).status]).toEqual([name, 200]);
    }
  });

  it.each(canaryRows.map((row): [string, string, typeof row] => [row.what, row.id, row]))(
    "with %s (%s)",
    async (_what, _id, { act }) => {
      await act(scene);
      expect([scene.stranger.connections, scene.stranger.received]).toEqual([0, ""]);
    },
  );
});

describe("after all of it", () => {
  it("no request carried a secret to a host that it was not meant for", () => {
    const seen = new Map<string, SecretName[]>();
    for (const [name, registry] of Object.entries(scene.registries)) {
      const own = registry.requests.filter(({ kind }) => kind !== "cdn");
      seen.set(name, namesIn(own));
      seen.set(`${name} cdn`, namesIn(registry.cdn.requests.entries));
    }
    for (const [name, found] of seen) {
      const allowed: readonly SecretName[] = name in meantFor ? meantFor[name as RegistryName] : [];
      const isCdn = name === "cdn cdn";
      expect([name, found.filter((secret) => !(isCdn ? ["signature"] : allowed).includes(secret))]).toEqual([name, []]);
    }
    expect(secretsIn(scene.secure.received.join("\n"))).toEqual(["securePassword"]);
    expect(secretsIn(scene.proxy.received)).toEqual(["proxyPassword"]);
    expect(scene.stranger.connections).toBe(0);
    // The harness finds what it looks for where it has to be.
    expect(seen.get("bearer")).toEqual(["password", "otherPassword", "issuedToken"]);
    expect([seen.get("helper"), seen.get("fixed")]).toEqual([["helperSecret"], ["fixedToken"]]);
    expect(seen.get("cdn cdn")).toEqual(["signature"]);
  });

  it("no log line, metric or answer holds one", async () => {
    const metrics = await (await fetch(`${scene.instance.adminUrl}/metrics`)).text();
    const stats = await (await fetch(`${scene.instance.adminUrl}/api/v1/stats`)).text();
    for (const place of [metrics, stats, ...scene.answers, ...scene.instance.log.map((line) => JSON.stringify(line))]) {
      expect([secretsIn(place), place]).toEqual([[], place]);
    }
    expect([scene.answers.length > 40, scene.instance.log.length > 40]).toEqual([true, true]);
  });

  it("no file of the data directory holds one, the index and its copies included", async () => {
    const data = join(scene.instance.directory, "data");
    // Copied by another process: only SQLite may open and close the index in this one.
    const copy = join(scene.instance.directory, "copy");
    await promisify(execFile)("cp", ["-r", data, copy]);
    const running = await filesOf(copy);
    await scene.instance.stop();
    const stopped = await filesOf(data);
    for (const { path, bytes } of [...running, ...stopped]) expect([path, secretsIn(bytes)]).toEqual([path, []]);
    const names = [...running, ...stopped].map(({ path }) => path);
    for (const name of ["index.db", "index.db-wal", "index.bak"]) {
      expect(names.some((path) => path.endsWith(`/${name}`))).toBe(true);
    }
  });
});

function namesIn(requests: readonly { path: string; query: URLSearchParams; rawHeaders: readonly string[] }[]) {
  const text = requests.map(({ path, query, rawHeaders }) => `${path}?${query.toString()} ${rawHeaders.join(" ")}`);
  return secretsIn(text.join("\n"));
}

describe("the search", () => {
  it("finds a secret as it is, escaped, and anywhere inside of base64", () => {
    for (const name of Object.keys(secrets) as SecretName[]) {
      const planted = ["", "p:", "puller:"].map((user) => Buffer.from(`${user}${secrets[name]}x`).toString("base64"));
      for (const text of [secrets[name], ...planted]) expect(secretsIn(`a "${text}" b`)).toEqual([name]);
    }
  });

  it("knows for every secret where it is meant to be", () => {
    const placed = [...Object.values(meantFor).flat(), "securePassword", "proxyPassword", "clientToken"];
    expect(new Set(placed)).toEqual(new Set(Object.keys(secrets)));
  });
});
