import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { TLSSocket, type PeerCertificate } from "node:tls";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { certificate, clientCertificate, privateKey } from "./certificate.ts";
import { startProxy } from "./connect-proxy.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

/** A registry over https that answers every request with the same manifest; `reply` may replace its answer. */
async function startTls({ host = "127.0.0.1", location }: { host?: string; location?: string } = {}) {
  const seen: (string | undefined)[] = [];
  /** The names on the certificates that clients showed. */
  const shown: (string | undefined)[] = [];
  const options = { cert: certificate, key: privateKey, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    seen.push(request.url);
    const { socket } = request;
    const { subject } = (socket instanceof TLSSocket ? socket.getPeerCertificate() : {}) as Partial<PeerCertificate>;
    shown.push(subject?.CN as string | undefined);
    if (location === undefined) response.end("{}");
    else response.writeHead(307, { location }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen, shown };
}

describe("a registry over https", () => {
  it("is trusted with the upstream's own certificate authority, and not without it", async () => {
    const { port, seen } = await startTls();
    const trusting = connect(`https://localhost:${port}`, { ca: certificate }).upstream;
    expect((await trusting.getManifest(app, tagged("1"), unhurried()))?.bytes.toString()).toBe("{}");
    const error = await failureOf(
      connect(`https://localhost:${port}`).upstream.getManifest(app, tagged("1"), unhurried()),
    );
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(error.message).toMatch(/SELF_SIGNED|UNABLE_TO_VERIFY/);
    expect(seen).toHaveLength(1);
  });

  it("must have the name that was asked for", async () => {
    const { port, seen } = await startTls({ host: "127.0.0.2" });
    const { upstream } = connect(`https://127.0.0.2:${port}`, { ca: certificate });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(error.message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(seen).toHaveLength(0);
  });

  it("is never left for http by a redirect", async () => {
    const { port } = await startTls({ location: "http://127.0.0.1:1/" });
    const { upstream } = connect(`https://localhost:${port}`, { ca: certificate });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "bad-response", status: 307 });
    expect(error.message).toContain("from https to http");
  });

  it("is reached by a tunnel through the proxy of the environment", async () => {
    const { port, seen } = await startTls();
    const proxy = await startProxy();
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { upstream } = connect(`https://localhost:${port}`, { ca: certificate });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(proxy.tunnels).toEqual([{ to: `localhost:${port}`, authorization: undefined }]);
    expect(seen).toHaveLength(1);
  });

  it("is reached directly where NO_PROXY names it", async () => {
    const { port, seen } = await startTls();
    const proxy = await startProxy();
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    vi.stubEnv("NO_PROXY", "example.com,localhost");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { upstream } = connect(`https://localhost:${port}`, { ca: certificate });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect([proxy.tunnels, seen.length]).toEqual([[], 1]);
  });
});

describe("a proxy of one upstream", () => {
  it("is used whatever NO_PROXY says, with its own credentials, which go nowhere else", async () => {
    const { port, seen } = await startTls();
    const proxy = await startProxy("user:pr0xy");
    vi.stubEnv("NO_PROXY", "*");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { upstream } = connect(`https://localhost:${port}`, { ca: certificate, proxy: proxy.urlWithCredentials });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    const authorization = `Basic ${Buffer.from("user:pr0xy").toString("base64")}`;
    expect(proxy.tunnels).toEqual([{ to: `localhost:${port}`, authorization }]);
    expect(seen).toHaveLength(1);
  });

  it.each([
    ["refuses its credentials", "other:secret"],
    ["is not there", undefined],
  ])("that %s is an error without them", async (_, accepted) => {
    const proxy = await startProxy(accepted ?? "user:pr0xy");
    const url = accepted === undefined ? "http://user:pr0xy@127.0.0.1:9" : proxy.url.replace("//", "//user:pr0xy@");
    const { upstream } = connect("https://localhost:1", { proxy: url });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error.kind).toBe("unreachable");
    expect(`${error.stack ?? ""}${String(error.cause)}`).not.toMatch(/pr0xy|dXNlcj/);
  });
});

describe("a client certificate", () => {
  it("is shown to the origin and to token hosts, to nobody else", async () => {
    const elsewhere = await startTls();
    const origin = await startTls({ location: `https://localhost:${elsewhere.port}/blob?signature=1` });
    const settings = { ca: certificate, clientCertificate };
    const { upstream } = connect(`https://localhost:${origin.port}`, settings);
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect([origin.shown, elsewhere.shown]).toEqual([["entrepot client"], [undefined]]);
    const trusting = connect(`https://localhost:${origin.port}`, {
      ...settings,
      tokenHosts: [`localhost:${elsewhere.port}`],
    });
    await trusting.upstream.getManifest(app, tagged("1"), unhurried());
    expect(elsewhere.shown).toEqual([undefined, "entrepot client"]);
  });

  it("is not shown to a mirror", async () => {
    const mirror = await startTls();
    const { upstream } = connect(["https://localhost:1", `https://localhost:${mirror.port}`], {
      ca: certificate,
      clientCertificate,
    });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toMatchObject({ isFromOrigin: false });
    expect(mirror.shown).toEqual([undefined]);
  });

  it("is shown through the tunnel of a proxy, not to the proxy", async () => {
    const { port, shown } = await startTls();
    const proxy = await startProxy();
    const { upstream } = connect(`https://localhost:${port}`, { ca: certificate, clientCertificate, proxy: proxy.url });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect([shown, proxy.tunnels.length]).toEqual([["entrepot client"], 1]);
  });
});
