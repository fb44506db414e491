import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { certificate, privateKey } from "../../unit/upstream/certificate.ts";

/** A registry over https that answers every request with one status and these headers; what it was sent is kept. */
export interface SecureRegistry {
  url: string;
  readonly received: string[];
  answers(status: number, headers: Record<string, string>): void;
  close(): void;
}

export async function startSecureRegistry(): Promise<SecureRegistry> {
  const received: string[] = [];
  let next: { status: number; headers: Record<string, string> } = { status: 404, headers: {} };
  const server: Server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    received.push(`${request.method ?? ""} ${request.url ?? ""} ${request.rawHeaders.join(" ")}`);
    response.writeHead(next.status, next.headers).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    received,
    answers: (status, headers) => {
      next = { status, headers };
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
