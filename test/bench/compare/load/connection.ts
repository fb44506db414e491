import { createHash, type Hash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { accept } from "../warming.ts";

export interface Asked {
  method: "GET" | "HEAD";
  path: string;
  /** Whether the body's digest is wanted. */
  isHashed?: boolean;
}

export interface Answer {
  status: number;
  /** Of the body. */
  bytes: number;
  /** `sha256:…` of the body, where it was asked for. */
  digest: string | undefined;
  /** On the clock of `performance.now()`; where there is no body, its end. */
  firstByteAt: number;
  endedAt: number;
}

interface Pending extends Pick<Answer, "bytes" | "firstByteAt"> {
  isHead: boolean;
  hash: Hash | undefined;
  onAnswer: (answer: Answer) => void;
  /** Undefined until the whole header is there. */
  status: number | undefined;
  expected: number;
}

const headerEnd = "\r\n\r\n";
/** One for all connections: what is in it is taken before the next read. */
const received = Buffer.allocUnsafe(256 * 1024);

/**
 * A client's connection that costs as little as it can, so that the server is what is measured: one request at a time,
 * answers with a Content-Length only.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #header = "";
  #pending: Pending | undefined;

  /** @param onLost - hears why the connection has ended; what was asked is then not answered any more */
  constructor(url: string, onLost: (error: Error) => void) {
    const { hostname, port, host } = new URL(url);
    this.#host = host;
    const onread = { buffer: received, callback: (length: number) => this.#take(received.subarray(0, length)) };
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true, onread });
    this.#socket.once("error", onLost);
    this.#socket.once("close", () => onLost(new Error("the server has closed the connection")));
  }

  ask({ method, path, isHashed = false }: Asked, onAnswer: (answer: Answer) => void): void {
    const hash = isHashed ? createHash("sha256") : undefined;
    const isHead = method === "HEAD";
    this.#pending = { isHead, hash, onAnswer, status: undefined, expected: 0, bytes: 0, firstByteAt: 0 };
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nAccept: ${accept}\r\n\r\n`);
  }

  close(): void {
    this.#socket.removeAllListeners("close").destroy();
  }

  #take(chunk: Buffer): boolean {
    const pending = this.#pending;
    if (!pending) this.#fail("an answer to nothing");
    else if (pending.status === undefined) this.#takeHeader(pending, chunk);
    else this.#takeBody(pending, chunk);
    return true;
  }

  #takeHeader(pending: Pending, chunk: Buffer): void {
    const before = this.#header.length;
    this.#header += chunk.toString("latin1");
    const end = this.#header.indexOf(headerEnd);
    if (end < 0) return;
    const header = this.#header.slice(0, end);
    this.#header = "";
    pending.status = Number(header.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length));
    const length = /\r\ncontent-length: *(\d+)/i.exec(header)?.[1];
    if (length === undefined) {
      this.#fail(`no Content-Length: ${header}`);
      return;
    }
    pending.expected = pending.isHead ? 0 : Number(length);
    this.#takeBody(pending, chunk.subarray(end + headerEnd.length - before));
  }

  #takeBody(pending: Pending, chunk: Buffer): void {
    if (pending.bytes === 0 && (chunk.length > 0 || pending.expected === 0)) pending.firstByteAt = performance.now();
    pending.bytes += chunk.length;
    pending.hash?.update(chunk);
    if (pending.bytes < pending.expected) return;
    if (pending.bytes > pending.expected) {
      this.#fail("more bytes than the header has said");
      return;
    }
    this.#pending = undefined;
    pending.onAnswer({
      status: pending.status ?? 0,
      bytes: pending.bytes,
      digest: pending.hash && `sha256:${pending.hash.digest("hex")}`,
      firstByteAt: pending.firstByteAt,
      endedAt: performance.now(),
    });
  }

  #fail(words: string): void {
    this.#socket.destroy(new Error(words));
  }
}
