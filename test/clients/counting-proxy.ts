// Stands before the real upstream registry: writes down each request, can be stopped, and can slow large blobs down.
import { once } from "node:events";
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  readonly kind: "blob" | "manifest" | "other";
  readonly digest: string | undefined;
  readonly range: string | undefined;
  status: number;
  bytes: number;
}

/** What is done to the answers that carry one blob: broken off once, or altered every time. */
export interface Spoiling {
  readonly digest: string;
  readonly atByte: number;
  readonly fault: "cut" | "alter";
}

const pacedFromBytes = 1024 * 1024;

function describe(incoming: IncomingMessage): UpstreamRequest {
  const path = incoming.url ?? "/";
  const [, kind, reference] = /\/(blobs|manifests)\/([^/?]+)/.exec(path) ?? [];
  return {
    method: incoming.method ?? "GET",
    path,
    kind: kind === "blobs" ? "blob" : kind === "manifests" ? "manifest" : "other",
    digest: reference?.startsWith("sha256:") === true ? reference : undefined,
    range: incoming.headers.range,
    status: 0,
    bytes: 0,
  };
}

export class CountingProxy {
  readonly #targetPort: number;
  readonly #agent = new Agent({ keepAlive: true });
  #server: Server | undefined;
  #port = 0;
  #requests: UpstreamRequest[] = [];
  #bytesPerSecond = Infinity;
  #spoiling: Spoiling | undefined;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  get port(): number {
    return this.#port;
  }

  get requests(): readonly UpstreamRequest[] {
    return this.#requests;
  }

  forget(): void {
    this.#requests = [];
  }

  /** Blobs over 1 MiB leave at most this fast, so that clients started together meet in one download. */
  pace(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  spoil(spoiling: Spoiling | undefined): void {
    this.#spoiling = spoiling;
  }

  /** Every GET of a blob, ranged ones too. */
  blobGets(): UpstreamRequest[] {
    return this.#requests.filter(({ method, kind }) => method === "GET" && kind === "blob");
  }

  /** GETs per blob digest. */
  blobGetCounts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { digest } of this.blobGets()) {
      if (digest !== undefined) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return counts;
  }

  /** Listens, after a stop on the same port again. */
  async start(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = createServer((incoming, outgoing) => void this.#forward(incoming, outgoing));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** From now on connections are refused, and those that are open are cut. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const entry = describe(incoming);
    this.#requests.push(entry);
    const onward = request({
      host: "127.0.0.1",
      port: this.#targetPort,
      path: incoming.url,
      method: incoming.method,
      headers: incoming.headers,
      agent: this.#agent,
    });
    outgoing.once("close", () => onward.destroy());
    try {
      onward.end();
      const [answer] = (await once(onward, "response")) as [IncomingMessage];
      entry.status = answer.statusCode ?? 0;
      outgoing.writeHead(entry.status, answer.headers);
      await pipeline(answer, this.#meter(entry, Number(answer.headers["content-length"])), outgoing);
    } catch {
      outgoing.destroy();
    }
  }

  #meter(entry: UpstreamRequest, length: number): Transform {
    const isPaced = entry.kind === "blob" && length > pacedFromBytes;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const spoiled = this.#spoilChunk(entry, chunk);
        entry.bytes += chunk.length;
        const rate = isPaced ? this.#bytesPerSecond : Infinity;
        if (spoiled === undefined) done(new Error("broken off on purpose"));
        else if (rate === Infinity) done(null, spoiled);
        else void sleep((chunk.length / rate) * 1000).then(() => done(null, spoiled));
      },
    });
  }

  /** The chunk as it leaves; undefined where the answer breaks off. */
  #spoilChunk(entry: UpstreamRequest, chunk: Buffer): Buffer | undefined {
    const spoiling = this.#spoiling;
    if (spoiling === undefined || spoiling.digest !== entry.digest || entry.range !== undefined) return chunk;
    const position = spoiling.atByte - entry.bytes;
    if (position < 0 || position >= chunk.length) return chunk;
    if (spoiling.fault === "cut") {
      this.#spoiling = undefined;
      return undefined;
    }
    const altered = Buffer.from(chunk);
    altered.writeUInt8(chunk.readUInt8(position) ^ 1, position);
    return altered;
  }
}
