import { createServer, request, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished } from "vitest";
import {
  createAdminApp,
  EventStream,
  type AdminAppOptions,
  type Operations,
  type Stats,
} from "../../../src/admin/index.ts";
import { createEvents } from "../../../src/telemetry/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";

export const someStats: Stats = {
  version: "1.2.3",
  startedAt: "2026-01-02T03:04:05.000Z",
  uptimeSeconds: 11_000,
  requests: {
    total: 10,
    byOutcome: { hit: 8, stale: 0, filled: 1, collapsed: 0, uncached: 0, absent: 1, refused: 0, error: 0 },
  },
  servedBytes: 3 * 1024 ** 3,
  fetchedBytes: 1024 ** 3,
  savedBytes: 2 * 1024 ** 3,
  store: {
    bytes: 5 * 1024 ** 3,
    maxBytes: 10 * 1024 ** 3,
    reservedBytes: 1024 ** 2,
    freeBytes: 7 * 1024 ** 4,
    blobs: 12,
    manifests: 3,
    tags: 2,
    repositories: 1,
    isPassthrough: false,
  },
  flights: { running: 1, followers: 2 },
  requestsByClient: {
    containerd: { requests: 6, lastAt: "2026-01-02T06:07:08.000Z" },
    docker: { requests: 4, lastAt: "2026-01-02T06:07:09.000Z" },
    podman: { requests: 0, lastAt: null },
    skopeo: { requests: 0, lastAt: null },
    buildah: { requests: 0, lastAt: null },
    crio: { requests: 0, lastAt: null },
    buildkit: { requests: 0, lastAt: null },
    other: { requests: 0, lastAt: null },
  },
  offline: { readyTags: 2, incompleteTags: 1, countedAt: "2026-01-02T06:07:08.000Z" },
  listen: { pull: ["127.0.0.1:5000"] },
  upstreams: [{ name: "docker.io", requests: 42, fetchedBytes: 1024 ** 3 }],
};

/** Operations of which only some are expected; what is asked of them stands in `asked`. */
export function fakeOperations(expected: Partial<Operations>): Operations & { asked: unknown[][] } {
  const asked: unknown[][] = [];
  const operations = new Proxy(expected, {
    get(target, name) {
      const operation = Reflect.get(target, name) as ((...given: unknown[]) => unknown) | undefined;
      return (...given: unknown[]): unknown => {
        asked.push([name, ...given]);
        if (!operation) throw new Error(`nobody expects ${String(name)}`);
        return operation(...given);
      };
    },
  });
  return Object.defineProperty(Object.create(operations) as Operations & { asked: unknown[][] }, "asked", {
    value: asked,
  });
}

export function adminOptions(options: Partial<AdminAppOptions> = {}): AdminAppOptions {
  return {
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: {
      render: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "entrepot_flights 0\n" }),
    },
    stats: () => someStats,
    token: "the-token",
    isLoopback: true,
    isUnixSocket: false,
    operations: fakeOperations({}),
    activity: { fills: () => [], history: () => Promise.resolve([]) },
    eventStream: quietStream(),
    page: new Map(),
    onError: (error) => {
      throw new Error("an error that no test expects", { cause: error });
    },
    ...options,
  };
}

/** An event stream on which nothing happens. */
function quietStream(): EventStream {
  const clock = new ManualClock();
  return new EventStream({
    events: createEvents({ now: () => clock.now(), keep: 1 }),
    activity: () => Promise.resolve({ stats: someStats, fills: [] }),
    setTimer: (ms, action) => clock.setTimer(ms, action),
    onError: (error) => {
      throw new Error("an error that no test expects", { cause: error });
    },
  });
}

/** Listens on a free port, or on a unix socket, until the test is over. */
export async function listen(app: RequestListener, socketPath?: string): Promise<string> {
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    if (socketPath === undefined) server.listen(0, "127.0.0.1", resolve);
    else server.listen(socketPath, resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return socketPath === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${socketPath}`;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Question {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** A unix socket to listen on instead of a port. */
  socketPath?: string;
}

/** One request to an app of its own; `Host` can be set, which fetch does not allow. */
export async function ask(
  app: RequestListener,
  path: string,
  { method = "GET", headers = {}, body, socketPath }: Question = {},
): Promise<Answer> {
  const url = await listen(app, socketPath);
  return new Promise((resolve, reject) => {
    const target = socketPath === undefined ? `${url}${path}` : `http://localhost${path}`;
    // Node frames the body of POST by itself, and that of DELETE not at all.
    const isFramed = body === undefined || "transfer-encoding" in headers;
    const framing = isFramed ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options = {
      method,
      headers: { ...framing, ...headers },
      agent: false,
      ...(socketPath !== undefined && { socketPath }),
    };
    request(target, options, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    })
      .on("error", reject)
      .end(body);
  });
}

export function askAdmin(options: Partial<AdminAppOptions>, path: string, question?: Question): Promise<Answer> {
  return ask(createAdminApp(adminOptions(options)), path, question);
}

export const bearer = { authorization: "Bearer the-token" };

/** The same with the token, and a body in JSON where there is one. */
export async function askWithToken(
  operations: Partial<Operations>,
  path: string,
  { method = "GET", body }: { method?: string; body?: unknown } = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; json: unknown; asked: unknown[][] }> {
  const fake = fakeOperations(operations);
  const question = {
    method,
    headers: { ...bearer, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
  const { status, headers, body: text } = await askAdmin({ operations: fake }, `/api/v1${path}`, question);
  return { status, headers, json: JSON.parse(text), asked: fake.asked };
}

/** Matches a problem with this status whose detail holds these words. */
export function problem(status: number, words: string): object {
  return { status, detail: expect.stringContaining(words) as string };
}
