import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, fetch as undiciFetch } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sha256 } from "../support/reply.ts";
import { ServedProcess, type ServedOptions } from "../support/served-process.ts";
import {
  createGate,
  seededBytes,
  startUpstream,
  temperaments,
  type Gate,
  type TestUpstream,
} from "../upstream/index.ts";

let upstream: TestUpstream;
let served: ServedProcess | undefined;

beforeEach(async () => {
  upstream = await startUpstream();
});

afterEach(async () => {
  await served?.remove();
  await upstream.close();
});

async function start({ settings, ...more }: ServedOptions): Promise<ServedProcess> {
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  served = await ServedProcess.start({ settings: { upstreams, ...settings }, ...more });
  return served;
}

/** A download of which the first half has arrived; the rest comes when the gate opens. */
async function heldDownload(pull: string): Promise<{ digest: string; gate: Gate; download: Response }> {
  const digest = upstream.pushBlob("library/demo", seededBytes("held", 4_000_000));
  const gate = createGate();
  upstream.misbehave({ on: "blob", temperament: temperaments.gated(gate, 2_000_000) });
  const download = await fetch(`http://${pull}/v2/library/demo/blobs/${digest}`);
  await gate.reached();
  return { digest, gate, download };
}

describe("a stop", () => {
  it("is not ready at once, accepts nobody new, lets a download end, and exits with 0", async () => {
    const running = await start({ settings: {} });
    const { pull, admin } = await running.listening();
    const { digest, gate, download } = await heldDownload(String(pull[0]));
    running.kill("SIGTERM");
    await running.line("stopping");
    await expect.poll(async () => (await fetch(`http://${String(admin[0])}/readyz`)).status).toBe(503);
    const readiness = await fetch(`http://${String(admin[0])}/readyz`);
    expect(await readiness.json()).toEqual({ ready: false, reasons: ["the server is stopping"] });
    expect((await fetch(`http://${String(admin[0])}/healthz`)).status).toBe(200);
    await expect(fetch(`http://${String(pull[0])}/v2/`, { headers: { connection: "close" } })).rejects.toThrow();
    gate.release();
    expect(sha256(await download.bytes())).toBe(digest);
    expect(await running.exitCode()).toBe(0);
  });

  it("cuts what has not ended when serve.drainFor is over", async () => {
    const running = await start({ settings: { serve: { drainFor: "100ms" } } });
    const { download } = await heldDownload(String((await running.listening()).pull[0]));
    running.kill("SIGTERM");
    await expect(download.bytes()).rejects.toThrow();
    expect(await running.exitCode()).toBe(0);
  });

  it.each([
    ["SIGTERM", "SIGTERM"],
    ["SIGTERM", "SIGINT"],
  ] as const)("ends at once where %s is followed by %s", async (first, second) => {
    const running = await start({ settings: {} });
    await heldDownload(String((await running.listening()).pull[0]));
    running.kill(first);
    await running.line("stopping");
    running.kill(second);
    expect(await running.exitCode()).toBe(1);
  });
});

describe("a running process", () => {
  it("is alive and ready with every upstream down", async () => {
    const running = await start({ settings: { upstreams: { "docker.io": { endpoints: ["http://127.0.0.1:9"] } } } });
    const admin = String((await running.listening()).admin[0]);
    const states = await Promise.all(["/healthz", "/readyz"].map((path) => fetch(`http://${admin}${path}`)));
    expect(states.map(({ status }) => status)).toEqual([200, 200]);
  });

  it("reads its configuration again at SIGHUP, and goes on with what it has where that is faulty", async () => {
    const running = await start({ settings: {} });
    const { pull } = await running.listening();
    const upstreams = { "docker.io": { endpoints: [upstream.url], deny: ["**"] } };
    await running.configure({ upstreams: { "docker.io": { endpoints: [upstream.url], bogus: 1 } } });
    running.kill("SIGHUP");
    const faulty = await running.line("the configuration is faulty: nothing has changed");
    expect(faulty["faults"]).toEqual([expect.objectContaining({ path: "upstreams.docker.io.bogus" })]);
    await running.configure({ upstreams });
    running.kill("SIGHUP");
    const line = await running.line("the configuration was read again");
    expect(line["changed"]).toEqual(["upstreams.docker.io.deny"]);
    const refused = await fetch(`http://${String(pull[0])}/v2/library/demo/manifests/1`);
    expect(await refused.text()).toContain("upstreams.docker.io.deny");
  });

  it("tells systemd that it is ready, reloads, and stops", async () => {
    const directory = await mkdtemp(join(tmpdir(), "entrepot-notify-"));
    const told = join(directory, "told");
    // What it would send to the socket; a socket for datagrams is nothing that Node can make.
    await writeFile(join(directory, "systemd-notify"), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >>${told}\n`);
    await chmod(join(directory, "systemd-notify"), 0o755);
    const environment = { PATH: `${directory}:${String(process.env["PATH"])}`, NOTIFY_SOCKET: "/run/it" };
    const running = await start({ settings: {}, environment });
    const lines = async (): Promise<string[]> => (await readFile(told, "utf8")).trim().split("\n");
    await running.listening();
    await expect.poll(lines).toEqual(["/run/it READY=1"]);
    running.kill("SIGHUP");
    await expect
      .poll(lines)
      .toEqual([
        "/run/it READY=1",
        expect.stringMatching(/^\/run\/it RELOADING=1 MONOTONIC_USEC=\d+$/),
        "/run/it READY=1",
      ]);
    running.kill("SIGTERM");
    expect(await running.exitCode()).toBe(0);
    expect((await lines()).at(-1)).toBe("/run/it STOPPING=1");
    await rm(directory, { recursive: true });
  });
});

describe("listeners", () => {
  it("are several, over TCP and a unix socket", async () => {
    const directory = await mkdtemp(join(tmpdir(), "entrepot-socket-"));
    const path = join(directory, "pull.sock");
    const running = await start({ settings: { listen: ["127.0.0.1:0", "127.0.0.1:0", `unix:${path}`] } });
    const { pull } = await running.listening();
    expect(pull.at(-1)).toBe(`unix:${path}`);
    for (const address of pull.slice(0, 2)) expect((await fetch(`http://${address}/v2/`)).status).toBe(200);
    const dispatcher = new Agent({ connect: { socketPath: path } });
    expect((await undiciFetch("http://localhost/v2/", { dispatcher })).status).toBe(200);
    await dispatcher.close();
    await rm(directory, { recursive: true });
  });

  it("are the sockets that the service manager has opened, by their names", async () => {
    const sockets = [await openSocket(), await openSocket()];
    const running = await start({
      settings: { listen: "fd:pull", admin: { listen: "fd:admin" } },
      ...handedOver(sockets, "pull:admin"),
    });
    const { pull, admin } = await running.listening();
    expect([...pull, ...admin]).toEqual(sockets.map(({ address }) => address));
    for (const { server } of sockets) server.close();
    expect((await fetch(`http://${String(pull[0])}/v2/`)).status).toBe(200);
    expect((await fetch(`http://${String(admin[0])}/readyz`)).status).toBe(200);
    // Who can reach such a socket, only the service manager knows.
    expect((await fetch(`http://${String(admin[0])}/api/v1/stats`)).status).toBe(401);
  });

  it("are refused in words where no such socket was handed over", async () => {
    const running = await start({ settings: { listen: "fd:pull" } });
    expect(await running.exitCode()).toBe(1);
  });
});

interface OpenedSocket {
  server: Server;
  address: string;
  fd: number;
}

/** A socket that listens, as systemd opens it. */
async function openSocket(): Promise<OpenedSocket> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address() as { port: number };
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return { server, address: `127.0.0.1:${bound.port}`, fd };
}

/** How sd_listen_fds(3) hands sockets over; the shell becomes the process that it names. */
function handedOver(sockets: readonly OpenedSocket[], names: string): Omit<ServedOptions, "settings"> {
  return {
    passed: sockets.map(({ fd }) => fd),
    environment: { LISTEN_FDS: String(sockets.length), LISTEN_FDNAMES: names },
    launcher: ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"],
  };
}
