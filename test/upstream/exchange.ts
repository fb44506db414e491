import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import type { Gate } from "./gate.ts";
import type { Payload } from "./payload.ts";
import type { Reply } from "./reply.ts";
import type { LoggedRequest, RequestLog } from "./request-log.ts";
import { Throttle } from "./throttle.ts";
import type { Delivery, Stop } from "./temperament.ts";

const bodyless = new Set([204, 304]);

/** One response on its way: sends a reply as a delivery says, and writes down how far it came. */
export class Exchange {
  readonly #response: ServerResponse;
  readonly #entry: LoggedRequest;
  readonly #logs: readonly RequestLog[];
  readonly #throttles: Throttle[];
  readonly #closed = new AbortController();

  constructor(response: ServerResponse, entry: LoggedRequest, logs: readonly RequestLog[], throttle: Throttle) {
    this.#response = response;
    this.#entry = entry;
    this.#logs = logs;
    this.#throttles = [throttle];
    response.on("error", () => response.destroy());
    response.on("close", () => {
      this.#end(response.writableFinished ? "sent" : "left");
      this.#closed.abort();
    });
    for (const log of logs) log.add(entry);
  }

  /** The body of the request; undefined where the client left in the middle of it. */
  async readBody(request: IncomingMessage, gate: Gate | undefined): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    try {
      await gate?.pass(this.#closed.signal);
      for await (const piece of request as AsyncIterable<Buffer>) {
        pieces.push(piece);
        this.#entry.bytesReceived += piece.length;
        this.#notice();
      }
    } catch {
      return undefined;
    }
    return Buffer.concat(pieces);
  }

  /** Settles when the reply has been handed to the socket, or the client has left. */
  async send(reply: Reply, delivery: Delivery): Promise<void> {
    try {
      await this.#deliver(reply, delivery);
    } catch (error) {
      if (!this.#closed.signal.aborted) {
        this.#response.destroy();
        throw error;
      }
    }
  }

  async #deliver(reply: Reply, delivery: Delivery): Promise<void> {
    const { signal } = this.#closed;
    if (delivery.delayMs > 0) await sleep(delivery.delayMs, undefined, { signal });
    await delivery.headerGate?.pass(signal);
    if (delivery.instead === "silent") return;
    if (delivery.instead === "reset") return this.#cut("rst");
    if (delivery.instead) {
      this.#response.socket?.write(delivery.instead.raw, "latin1");
      return this.#cut("fin");
    }
    if (delivery.bytesPerSecond !== undefined) this.#throttles.push(new Throttle(delivery.bytesPerSecond));
    this.#sendHeader(reply, delivery);
    const hasBody = this.#response.req.method !== "HEAD" && !bodyless.has(reply.status);
    if (hasBody) await this.#sendBody(reply.body, delivery);
    else this.#response.end();
  }

  #sendHeader(reply: Reply, delivery: Delivery): void {
    const headers = { ...reply.headers };
    if (delivery.framing !== "length") delete headers["content-length"];
    if (delivery.framing === "close") {
      this.#response.removeHeader("transfer-encoding");
      this.#response.shouldKeepAlive = false;
    }
    for (const [name, value] of Object.entries(headers)) this.#response.setHeader(name, value);
    this.#response.writeHead(reply.status);
    this.#entry.status = reply.status;
    this.#notice();
  }

  async #sendBody(body: Payload, delivery: Delivery): Promise<void> {
    this.#response.flushHeaders();
    const stops = delivery.stops.map((stop) => ({ ...stop, at: positionOf(stop, body.size) }));
    let sent = 0;
    for (const { at, then } of stops.sort((one, other) => one.at - other.at)) {
      await this.#write(body, sent, at);
      sent = Math.max(sent, at);
      if (then === "stall") return;
      if (then === "fin" || then === "rst") return this.#cut(then);
      await then.pass(this.#closed.signal);
    }
    await this.#write(body, sent, body.size);
    this.#response.end();
    if (delivery.closesAfter) await this.#cut("fin");
  }

  async #write(body: Payload, from: number, end: number): Promise<void> {
    const { signal } = this.#closed;
    for (const piece of body.pieces(from, end)) {
      const step = Math.min(...this.#throttles.map((throttle) => throttle.pieceBytes));
      for (let at = 0; at < piece.length; at += step) {
        const part = piece.subarray(at, at + step);
        for (const throttle of this.#throttles) await throttle.take(part.length, signal);
        signal.throwIfAborted();
        this.#entry.firstByteAt ??= performance.timeOrigin + performance.now();
        const isDrained = this.#response.write(part);
        this.#entry.bytesSent += part.length;
        this.#notice();
        if (!isDrained) await once(this.#response, "drain", { signal });
      }
    }
  }

  async #cut(how: "fin" | "rst"): Promise<void> {
    const { socket } = this.#response;
    if (!socket) return;
    await new Promise<void>((resolve) => socket.write("", () => resolve()));
    this.#end("cut");
    if (how === "fin") socket.destroySoon();
    else socket.resetAndDestroy();
  }

  #end(how: "sent" | "cut" | "left"): void {
    this.#entry.ended ??= how;
    this.#notice();
  }

  #notice(): void {
    for (const log of this.#logs) log.notice();
  }
}

function positionOf(stop: Stop, size: number): number {
  return stop.afterBytes < 0 ? Math.max(0, size + stop.afterBytes) : Math.min(stop.afterBytes, size);
}
