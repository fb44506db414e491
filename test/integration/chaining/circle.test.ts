import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../../support/instance.ts";
import { errorOf } from "../../support/reply.ts";
import { startUpstream } from "../../upstream/index.ts";
import { freePort, name, of } from "./chain.ts";

const path = of("org/app/manifests/1");

let instances: Instance[] = [];

afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.remove()));
  instances = [];
});

/** As many instances as there are lists of endpoints, each on its own port. */
async function startAll(...endpoints: ((ports: number[]) => unknown[])[]): Promise<Instance[]> {
  const ports = await Promise.all(endpoints.map(() => freePort()));
  instances = await Promise.all(
    endpoints.map((of, index) =>
      startInstance({
        settings: { listen: `127.0.0.1:${String(ports[index])}`, upstreams: { [name]: { endpoints: of(ports) } } },
      }),
    ),
  );
  return instances;
}

const parentAt = (port: number | undefined) => ({ url: `http://127.0.0.1:${String(port)}`, addressing: "ns" });

describe("caches that ask each other in a circle", () => {
  it("of two are told so at once, and nothing waits for itself", async () => {
    const [one] = await startAll(
      (ports) => [parentAt(ports[1])],
      (ports) => [parentAt(ports[0])],
    );
    const reply = await one?.ask(path);
    expect(reply?.status).toBe(502);
    expect(reply && errorOf(reply)).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("in a circle") as string,
    });
    const requests = instances.map(({ log }) => log.filter(({ msg }) => msg === "request").length);
    expect(requests).toEqual([2, 1]);
  });

  it("of three too, for blobs and lists as for manifests", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const [one] = await startAll(
      (ports) => [parentAt(ports[1])],
      (ports) => [parentAt(ports[2])],
      (ports) => [parentAt(ports[0])],
    );
    for (const what of [`blobs/${digest}`, "tags/list", `referrers/${digest}`, `manifests/${digest}`]) {
      const reply = await one?.ask(of(`org/app/${what}`));
      expect([what, reply?.status]).toEqual([what, 502]);
      expect(reply && errorOf(reply).message).toContain("in a circle");
    }
  });

  it("of one that asks itself, without knowing that a cache is there", async () => {
    const [one] = await startAll((ports) => [`http://127.0.0.1:${String(ports[0])}/v2-of-nobody`]);
    expect((await one?.ask(path))?.status).toBe(404);
    const [other] = await startAll((ports) => [parentAt(ports[0])]);
    expect((await other?.ask(path))?.status).toBe(502);
  });

  it("pull all the same where one of them has the registry behind its parent", async () => {
    const registry = await startUpstream({});
    const { digest } = registry.pushImage("org/app", "1");
    const [one] = await startAll(
      (ports) => [parentAt(ports[1])],
      (ports) => [parentAt(ports[0]), registry.url],
    );
    const reply = await one?.ask(path);
    expect([reply?.status, reply?.headers["docker-content-digest"]]).toEqual([200, digest]);
    expect(registry.requests.count()).toBe(1);
    await registry.close();
  });

  it("know each other by an id that outlives a restart", async () => {
    const registry = await startUpstream({});
    const [one] = await startAll(() => [registry.url]);
    await one?.ask(of("org/app/manifests/1"));
    const id = await readFile(join(one?.directory ?? "", "data", "instance-id"), "utf8");
    const again = await one?.restart();
    if (again) instances = [again];
    await again?.ask(of("org/app/manifests/2"));
    const seen = registry.requests.entries.map(({ headers }) => headers.via);
    expect(seen).toEqual([`1.1 entrepot-${id.trim()}`, `1.1 entrepot-${id.trim()}`]);
    await registry.close();
  });
});
