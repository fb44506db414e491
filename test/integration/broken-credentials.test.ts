import { writeFile } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startInstance, type Reply } from "../support/instance.ts";
import { SkippingClock } from "../support/skipping-clock.ts";
import { startUpstream } from "../upstream/index.ts";

const minute = 60_000;
const alert = "our own credentials for an upstream do not work";

/** A registry, and an instance that has its password from a program, which can be told to fail. */
async function open(settings: Record<string, unknown> = {}) {
  const registry = await startUpstream({ auth: { kind: "basic", users: { me: "canary-first" } } });
  registry.pushImage("team/app", "1");
  registry.pushImage("team/other", "1");
  const directory = await mkdtemp(join(tmpdir(), "entrepot-broken-"));
  const program = join(directory, "print-password");
  const does = (script: string) => writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await does("echo canary-first");
  const clock = new SkippingClock();
  const credentials = { username: "me", command: [program] };
  const upstreams = { "lab.test": { endpoints: [registry.url], credentials, ...settings } };
  const instance = await startInstance({ directory, clock, settings: { upstreams } });
  onTestFinished(async () => {
    await instance.remove();
    await registry.close();
  });
  const ask = (repository: string) => instance.ask(`/v2/${repository}/manifests/1?ns=lab.test`);
  return { registry, instance, clock, does, ask };
}

function detailOf({ body }: Reply): { said?: string; cached?: string } {
  const [error] = (JSON.parse(body.toString()) as { errors: { detail: object }[] }).errors;
  return error?.detail ?? {};
}

test("with a helper that fails, what is stored is served stale, what is not is refused in words, and the log says so once", async () => {
  const { registry, instance, clock, does, ask } = await open();
  expect((await ask("team/app")).status).toBe(200);

  Object.assign(registry.authorization.settings.users, { me: "changed" });
  await does("echo canary-broken; exit 1");
  clock.skip(6 * minute);
  for (let turn = 0; turn < 3; turn += 1) {
    const stale = await ask("team/app");
    expect([stale.status, stale.headers["cache-status"]]).toEqual([
      200,
      expect.stringMatching(/^entrepot; hit; ttl=-\d+; detail=stale-upstream-denied$/),
    ]);
  }
  const cold = await ask("team/other");
  expect([cold.status, detailOf(cold).said]).toEqual([
    403,
    `our own credentials for ${new URL(registry.url).host} cannot be had; the log says why`,
  ]);

  const alerts = instance.log.filter(({ msg }) => msg === alert);
  expect(alerts).toEqual([expect.objectContaining({ level: "error", upstream: "lab.test" })]);
  expect(alerts[0]?.["reason"]).toMatch(/print-password exited with 1$/);
  expect(
    await instance.metric("entrepot_upstream_credential_failures_total", { upstream: "lab.test" }),
  ).toBeGreaterThan(3);
  const places = JSON.stringify([instance.log, cold.body.toString()]);
  expect([places.includes("canary-"), places.includes(Buffer.from("me:canary-first").toString("base64"))]).toEqual([
    false,
    false,
  ]);

  await does("echo changed");
  clock.skip(11_000);
  expect((await ask("team/other")).status).toBe(200);
});

test("a registry that refuses every repository to us refuses our credentials: what is stored is served stale", async () => {
  const { registry, instance, clock, ask } = await open();
  await ask("team/app");
  Object.assign(registry.authorization.settings.users, { me: "changed" });
  // No other repository was answered: nothing says that the credentials work.
  clock.skip(2 * minute);
  const stale = await ask("team/app");
  expect([stale.status, String(stale.headers["cache-status"])]).toEqual([
    200,
    expect.stringContaining("stale-upstream-denied"),
  ]);
  expect(instance.log.filter(({ msg, level }) => msg === alert && level === "error")).toHaveLength(1);
});

test("anonymousFallback goes on without credentials, where that is enough", async () => {
  const { registry, instance, does, ask } = await open({ anonymousFallback: true });
  await does("exit 1");
  Object.assign(registry.authorization.settings, { kind: "none" });
  expect((await ask("team/app")).status).toBe(200);
  expect(registry.requests.entries.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  expect(instance.log.filter(({ msg }) => msg === alert)).toHaveLength(1);
});
