import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import { connect as connectSocket, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { certificate, privateKey } from "./certificate.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

/** A registry over https that answers every request with the same manifest; `reply` may replace its answer. */
async function startTls({ host = "127.0.0.1", location }: { host?: string; location?: string } = {}) {
  const seen: (string | undefined)[] = [];
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    seen.push(request.url);
    if (location === undefined) response.end("{}");
    else response.writeHead(307, { location }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
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
    const tunnels: (string | undefined)[] = [];
    const proxy = createHttpServer();
    proxy.on("connect", (request, client) => {
      tunnels.push(request.url);
      const server = connectSocket(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 Connected\r\n\r\n");
        server.pipe(client).pipe(server);
      });
      server.on("error", () => client.destroy());
      client.on("error", () => server.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      proxy.closeAllConnections();
      proxy.close();
      vi.unstubAllEnvs();
    });
    vi.stubEnv("HTTPS_PROXY", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const { upstream } = connect(`https://localhost:${port}`, { ca: certificate });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(tunnels).toEqual([`localhost:${port}`]);
    expect(seen).toHaveLength(1);
  });
});
