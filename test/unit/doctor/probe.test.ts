import { describe, expect, it, onTestFinished } from "vitest";
import { placeProblem, probe, type Place } from "../../../src/doctor/clients/probe.ts";
import { writeHtpasswd } from "../../support/htpasswd.ts";
import { startInstance, type Instance } from "../../support/instance.ts";
import { startTlsFront, startUpstream } from "../../upstream/index.ts";
import { listen } from "../admin/admin-server.ts";
import { certificate, privateKey } from "../upstream/certificate.ts";

async function open(settings: Record<string, unknown> = {}): Promise<Instance> {
  const instance = await startInstance({ settings });
  onTestFinished(() => instance.remove());
  return instance;
}

function at(url: string): Promise<Place> {
  const { protocol, host } = new URL(url);
  return probe({ scheme: protocol === "https:" ? "https" : "http", authority: host });
}

describe("who answers at an address", () => {
  it("is entrepot, which no upstream is asked for", async () => {
    const upstream = await startUpstream();
    onTestFinished(() => upstream.close());
    const { url } = await open({ upstreams: { "docker.io": { endpoints: [upstream.url] } } });
    expect(await at(url)).toEqual({ kind: "entrepot", isTrusted: true });
    expect(upstream.requests.count()).toBe(0);
  });

  it("is entrepot too where it asks for a password", async () => {
    const { file } = writeHtpasswd({ me: "secret" });
    const { url } = await open({ access: { mode: "basic", htpasswdFile: file } });
    expect(await at(url)).toEqual({ kind: "entrepot", isTrusted: true });
  });

  it("is entrepot behind TLS, whose certificate nobody here trusts", async () => {
    const { url } = await open();
    const front = await startTlsFront(Number(new URL(url).port), { cert: certificate, key: privateKey });
    onTestFinished(() => front.close());
    expect(await at(front.url)).toEqual({ kind: "entrepot", isTrusted: false });
    expect(await at(front.url.replace("https:", "http:"))).toEqual({ kind: "other-scheme" });
  });

  it("is entrepot that speaks plain http to whoever comes with TLS", async () => {
    const address = { scheme: "https", authority: new URL((await open()).url).host } as const;
    expect(placeProblem(address, await probe(address))).toBe(
      `${address.authority} does not speak https: entrepot speaks plain http there`,
    );
  });

  it("is another registry, a web page, or nobody", async () => {
    const registry = await startUpstream();
    onTestFinished(() => registry.close());
    const page = await listen((_request, response) => void response.end("<html>"));
    expect(await at(registry.url)).toMatchObject({ kind: "stranger" });
    expect(await at(page)).toEqual({ kind: "stranger", says: "something else answers there, with status 200" });
    expect(await at("http://127.0.0.1:1")).toEqual({ kind: "nobody", says: "nothing answers there (ECONNREFUSED)" });
  });
});
