import { createServer, request, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { createAdminApp, type AdminAppOptions, type Stats } from "../../../src/admin/index.ts";

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
    freeBytes: 7 * 1024 ** 4,
    blobs: 12,
    manifests: 3,
    tags: 2,
    repositories: 1,
  },
  flights: { running: 1 },
  upstreams: [{ name: "docker.io", requests: 42, fetchedBytes: 1024 ** 3 }],
};

export function adminOptions(options: Partial<AdminAppOptions> = {}): AdminAppOptions {
  return {
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: {
      render: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", body: "entrepot_flights 0\n" }),
    },
    stats: () => someStats,
    token: "the-token",
    isLoopback: true,
    onError: (error) => {
      throw new Error("an error that no test expects", { cause: error });
    },
    ...options,
  };
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
}

/** One request to an app of its own; `Host` can be set, which fetch does not allow. */
export async function ask(
  app: RequestListener,
  path: string,
  { method = "GET", headers = {} }: Question = {},
): Promise<Answer> {
  const url = await listen(app);
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    })
      .on("error", reject)
      .end();
  });
}

export function askAdmin(options: Partial<AdminAppOptions>, path: string, question?: Question): Promise<Answer> {
  return ask(createAdminApp(adminOptions(options)), path, question);
}
