import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Certificates } from "../support/certificates.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { errorOf, sha256 } from "../support/reply.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { createGate, seededBytes, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;
let clock: SkippingClock;

const base = (): Record<string, unknown> => ({ endpoints: [upstream.url] });

beforeEach(async () => {
  upstream = await startUpstream();
  upstream.pushImage("library/demo", "1");
  clock = new SkippingClock();
  instance = await startInstance({ clock, settings: { upstreams: { "docker.io": base() } } });
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

interface Answer {
  status: number;
  document: { changed?: string[]; needsRestart?: string[]; detail?: string };
}

/** `POST /api/v1/reload` with the configuration that has been written meanwhile. */
async function reload(settings: Record<string, unknown>): Promise<Answer> {
  await instance.configure(settings);
  const headers = { authorization: `Bearer ${instance.app.adminToken}` };
  const response = await fetch(`${instance.adminUrl}/api/v1/reload`, { method: "POST", headers });
  return { status: response.status, document: (await response.json()) as Answer["document"] };
}

const manifest = "/v2/library/demo/manifests/1";

describe("a reload", () => {
  it("needs the admin token", async () => {
    const response = await fetch(`${instance.adminUrl}/api/v1/reload`, { method: "POST" });
    expect(response.status).toBe(401);
  });

  it("changes what may be pulled, the policies of tags and pins, and says so in answer and log", async () => {
    expect((await instance.ask(manifest)).status).toBe(200);
    const { document } = await reload({
      log: { level: "debug" },
      pins: ["docker.io/library/demo:1"],
      upstreams: { "docker.io": { ...base(), deny: ["library/secret"], tags: { freshFor: "1d" } } },
    });
    const changed = ["log.level", "pins", "upstreams.docker.io.deny", "upstreams.docker.io.tags.freshFor"];
    expect(document).toEqual({ changed, needsRestart: [] });
    expect(instance.log).toContainEqual(expect.objectContaining({ level: "info", changed, needsRestart: [] }));
    expect(errorOf(await instance.ask("/v2/library/secret/manifests/1")).detail).toMatchObject({
      policy: "upstreams.docker.io.deny: library/secret",
    });
    clock.skip(3_600_000);
    expect((await instance.ask(manifest)).headers["cache-status"]).toMatch(/^entrepot; hit/);
    expect(upstream.requests.count({ reference: "1" })).toBe(1);
    expect(await instance.metric("entrepot_pins")).toBe(1);
  });

  it("takes another client for an upstream, and a download that runs goes on with the one it has", async () => {
    const bytes = seededBytes("layer", 4_000_000);
    const digest = upstream.pushBlob("library/demo", bytes);
    const gate = createGate();
    upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 2_000_000) });
    const download = await instance.open(`/v2/library/demo/blobs/${digest}`);
    await gate.reached();
    const { document } = await reload({ upstreams: { "docker.io": { ...base(), offline: true } } });
    expect(document.changed).toContain("upstreams.docker.io.offline");
    expect((await instance.ask("/v2/library/other/manifests/1")).status).toBe(503);
    expect(upstream.requests.count({ repository: "library/other" })).toBe(0);
    gate.release();
    expect(sha256(await download.body.bytes())).toBe(digest);
    await reload({ upstreams: { "docker.io": base() } });
    expect((await instance.ask(manifest)).status).toBe(200);
  });

  it("shows new credentials to the upstream", async () => {
    const closed = await startUpstream({ auth: { kind: "basic", users: { me: "two" } } });
    closed.pushImage("library/demo", "1");
    const withPassword = (password: string): Record<string, unknown> => ({
      upstreams: { "docker.io": { endpoints: [closed.url], credentials: { username: "me", password } } },
    });
    await instance.remove();
    instance = await startInstance({ clock, settings: withPassword("one") });
    expect((await instance.ask(manifest)).status).not.toBe(200);
    const { document } = await reload(withPassword("two"));
    expect(document).toEqual({ changed: ["upstreams.docker.io.endpoints"], needsRestart: [] });
    expect((await instance.ask(manifest)).status).toBe(200);
    expect(JSON.stringify(instance.log)).not.toContain('"two"');
    await closed.close();
  });

  it("says what needs a restart, again and again until there is one", async () => {
    const wanted = { storage: { maxSize: "5GiB", minFree: "1MiB" }, upstreams: { "docker.io": base() } };
    const needsRestart = ["storage.maxSize"];
    expect((await reload(wanted)).document).toEqual({ changed: [], needsRestart });
    expect((await reload(wanted)).document).toEqual({ changed: [], needsRestart });
    expect(instance.log).toContainEqual(expect.objectContaining({ level: "warn", changed: [], needsRestart }));
    expect(await instance.metric("entrepot_store_max_bytes")).toBe(10 * 1024 ** 3);
  });

  it("changes nothing where the configuration is faulty, and tells every fault", async () => {
    const { status, document } = await reload({
      log: { level: "loud" },
      upstreams: { "docker.io": { ...base(), deny: ["**"], bogus: 1 } },
    });
    expect(status).toBe(422);
    expect(document.detail).toMatch(
      /^the configuration is faulty, nothing has changed: .*upstreams\.docker\.io\.bogus: unknown key.*log\.level: must be/,
    );
    expect(instance.log).toContainEqual(
      expect.objectContaining({ level: "error", msg: "the configuration is faulty: nothing has changed" }),
    );
    expect((await instance.ask(manifest)).status).toBe(200);
  });

  it("reads certificates at once", async () => {
    const certificates = new Certificates();
    const [first, second] = [certificates.issue("first"), certificates.issue("second")];
    await instance.remove();
    instance = await startInstance({ clock, settings: { tls: first, upstreams: { "docker.io": base() } } });
    const { document } = await reload({ tls: second, upstreams: { "docker.io": base() } });
    expect(document).toEqual({ changed: ["tls.certFile", "tls.keyFile"], needsRestart: [] });
    expect(instance.log.map(({ msg }) => msg)).toContain(
      "a certificate was replaced: new connections are shown the new one",
    );
    const without = await reload({ upstreams: { "docker.io": base() } });
    expect(without.document).toEqual({ changed: [], needsRestart: ["tls"] });
  });
});
