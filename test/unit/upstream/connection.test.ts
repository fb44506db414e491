import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { startUpstream, temperaments, createGate } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");
const manifest = '{"schemaVersion":2}';
const answer = `HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: ${manifest.length}\r\n\r\n${manifest}`;

/** A server on bare sockets: `onRequest` is told the how-manieth request of its connection this is. */
async function serve(onRequest: (socket: Socket, nth: number, head: string) => unknown) {
  const seen = { connections: 0, requests: 0 };
  const server: Server = createServer((socket) => {
    let nth = 0;
    seen.connections += 1;
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      seen.requests += 1;
      onRequest(socket, (nth += 1), chunk.toString("latin1"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe("a connection", () => {
  it.each([
    ["ended", (socket: Socket) => socket.end()],
    ["reset", (socket: Socket) => socket.resetAndDestroy()],
  ])("that was kept alive and is %s under a request is replaced, once", async (_, kill) => {
    const { seen, url } = await serve((socket, nth) => (nth === 1 ? socket.write(answer) : kill(socket)));
    const { upstream, reports } = connect(url);
    for (let turn = 0; turn < 2; turn += 1) {
      // undici's pool sees only in the next turn that a connection is free again.
      await setImmediate();
      expect((await upstream.getManifest(app, tagged("1"), unhurried()))?.bytes.toString()).toBe(manifest);
    }
    expect(seen).toEqual({ connections: 2, requests: 3 });
    expect(reports.retries).toBe(1);
    expect(reports.requests).toEqual(["manifest_tag 200", "manifest_tag none", "manifest_tag 200"]);
  });

  it("that is new and reset is tried again as often as any other failure, no more", async () => {
    const { seen, url } = await serve((socket) => socket.resetAndDestroy());
    const { upstream, reports } = connect(url);
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({ kind: "unreachable" });
    expect([seen.requests, reports.retries]).toEqual([4, 3]);
  });

  it("is kept after GET, HEAD, and errors with a short body of unknown length", async () => {
    const chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    const { seen, url } = await serve((socket, nth, head) => {
      const isHead = head.startsWith("HEAD");
      socket.write(isHead ? answer.replace(manifest, "") : nth % 3 === 0 ? chunked : answer);
    });
    const { upstream } = connect(url);
    for (let turn = 0; turn < 3; turn += 1) {
      await setImmediate();
      await upstream.headManifest(app, tagged("1"), unhurried());
      await setImmediate();
      await upstream.getManifest(app, tagged("1"), unhurried());
    }
    expect(seen).toEqual({ connections: 1, requests: 6 });
  });

  it("goes through the proxy of the environment, except to the hosts of NO_PROXY", async () => {
    const proxy = await serve((socket, _, head) => socket.end(head.startsWith("GET http://") ? answer : ""));
    const registry = await startUpstream();
    onTestFinished(() => registry.close());
    vi.stubEnv("HTTP_PROXY", proxy.url);
    vi.stubEnv("NO_PROXY", "127.0.0.1");
    onTestFinished(() => void vi.unstubAllEnvs());
    const proxied = connect("http://registry.invalid").upstream;
    expect(await proxied.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    expect(proxy.seen.requests).toBe(1);
    await connect(registry.url).upstream.getManifest(app, tagged("1"), unhurried());
    expect(proxy.seen.requests).toBe(1);
  });

  it("goes through the proxy of the settings", async () => {
    const proxy = await serve((socket) => socket.end(answer));
    vi.stubEnv("NO_PROXY", "*");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { upstream } = connect("http://registry.invalid", { proxy: proxy.url });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
  });

  it("is ended when the client closes, with whatever runs on it", async () => {
    const registry = await startUpstream();
    onTestFinished(() => registry.close());
    const image = registry.pushImage(app, "1", { layers: [100_000] });
    const gate = createGate();
    registry.misbehave({ on: "blob", temperament: temperaments.gated(gate, 1000) });
    const { upstream, reports } = connect(registry.url);
    const layer = image.layers[0]?.digest ?? fail();
    const body = await upstream.openBlob(app, layer, { from: 0 }, unhurried());
    const iterator = (body?.chunks ?? fail())[Symbol.asyncIterator]();
    const first = await iterator.next();
    expect(first.value).toHaveLength(1000);
    const waiting = failureOf(Promise.resolve(iterator.next()));
    await upstream.close();
    expect((await waiting).kind).toBe("unreachable");
    expect(reports.resumes).toBe(0);
    expect(await failureOf(upstream.getManifest(app, tagged("1"), unhurried()))).toMatchObject({ kind: "unreachable" });
    gate.release();
  });

  it.each(["__proto__: x", "constructor: y", "Set-Cookie: a=b\r\nSet-Cookie: c=d"])(
    "may carry a field such as %j",
    async (field) => {
      const { url } = await serve((socket) => socket.end(answer.replace("\r\n", `\r\n${field}\r\n`)));
      const { upstream } = connect(url);
      expect(await upstream.getManifest(app, tagged("1"), unhurried())).toMatchObject({ contentType: undefined });
    },
  );
});

function fail(): never {
  throw new Error("missing");
}
