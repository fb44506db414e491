import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startInstance, type Instance } from "../support/instance.ts";
import { errorOf, sha256 } from "../support/reply.ts";
import { createGate, startUpstream, temperaments, type TestUpstream } from "../upstream/index.ts";

let upstream: TestUpstream;
let instance: Instance;

async function start(settings: Record<string, unknown>): Promise<void> {
  instance = await startInstance({
    settings: { upstreams: { "docker.io": { endpoints: [upstream.url] } }, ...settings },
  });
}

beforeEach(async () => {
  upstream = await startUpstream({});
});

afterEach(async () => {
  await instance.remove();
  await upstream.close();
});

function push(...names: string[]): string[] {
  return names.map((name) => `/v2/library/demo/blobs/${upstream.pushBlob("library/demo", Buffer.from(name))}`);
}

const digestIn = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

describe("downloads of one client above serve.fillsPerClient", () => {
  const from = (address: string) => ({ headers: { "x-forwarded-for": address } });

  it("wait for those before them, and nobody else waits for them", async () => {
    await start({ serve: { fillsPerClient: 2 }, trustedProxies: ["127.0.0.1"] });
    const paths = push("one", "two", "three", "other");
    const gate = createGate();
    const held = upstream.misbehave({ on: "blob", times: 2, temperament: temperaments.gated(gate) });
    const [first, second, third] = paths.slice(0, 3).map((path) => instance.ask(path, from("10.1.1.1")));
    await expect.poll(() => held.hits).toBe(2);
    const other = paths[3] ?? "";
    expect((await instance.ask(other, from("10.2.2.2"))).status).toBe(200);
    // What is stored already, or being fetched for somebody else, is no download of its own.
    expect((await instance.ask(other, from("10.1.1.1"))).status).toBe(200);
    expect(upstream.requests.count({ kind: "blob" })).toBe(3);
    gate.release();
    const replies = await Promise.all([first, second, third]);
    expect(replies.map((reply) => reply && sha256(reply.body))).toEqual(paths.slice(0, 3).map(digestIn));
  });

  it("are refused with a reason where that takes longer than answerWithin", async () => {
    await start({ serve: { fillsPerClient: 1 }, limits: { answerWithin: "300ms" } });
    const [held = "", late = ""] = push("held", "late");
    const gate = createGate();
    // The header has gone out: what has begun may take its time.
    const rule = upstream.misbehave({ on: "blob", times: 1, temperament: temperaments.gated(gate, 2) });
    const first = instance.ask(held);
    await expect.poll(() => rule.hits).toBe(1);
    const refused = await instance.ask(late);
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    expect(errorOf(refused)).toMatchObject({ code: "TOOMANYREQUESTS", detail: { policy: "serve.fillsPerClient" } });
    gate.release();
    await first;
    expect((await instance.ask(late)).status).toBe(200);
  });
});

describe("connections of one client above serve.connectionsPerClient", () => {
  const sockets: Socket[] = [];

  async function open(): Promise<Socket> {
    const { hostname, port } = new URL(instance.url);
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    await once(socket, "connect");
    return socket;
  }

  async function answerOn(socket: Socket): Promise<string> {
    const answer = once(socket, "data") as Promise<[Buffer]>;
    socket.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
    return (await answer)[0].toString("latin1").split("\r\n")[0] ?? "";
  }

  afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));

  it("are told so and closed, and taken again when one has gone", async () => {
    await start({ serve: { connectionsPerClient: 2 } });
    const [one, two] = [await open(), await open()];
    expect(await answerOn(one)).toBe("HTTP/1.1 200 OK");
    expect(await answerOn(two)).toBe("HTTP/1.1 200 OK");
    const third = await open();
    expect(String(await once(third, "data"))).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 1/s);
    await once(third, "close");
    one.destroy();
    await expect.poll(async () => answerOn(await open()).catch(() => "refused")).toBe("HTTP/1.1 200 OK");
  });

  it("are not counted where they are those of a trusted proxy", async () => {
    await start({ serve: { connectionsPerClient: 1 }, trustedProxies: ["127.0.0.0/8"] });
    const [one, two] = [await open(), await open()];
    expect([await answerOn(one), await answerOn(two)]).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
  });
});
