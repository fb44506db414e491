import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface ReceivedPost {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What it answers: a status with header fields, or nothing at all. */
export type ReceiverAnswer = { status: number; headers?: Record<string, string> } | "silence" | "reset";

/** A server on loopback that takes what webhooks send. */
export class Receiver {
  readonly received: ReceivedPost[] = [];
  /** For the requests to come; the last one holds for all that follow. */
  answers: ReceiverAnswer[] = [{ status: 204 }];
  readonly #server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = "", url: path = "", headers } = request;
      this.received.push({ method, path, headers, body });
      this.#answer(response);
      for (const look of this.#waiting.splice(0)) look();
    });
  });
  #waiting: (() => void)[] = [];

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Resolves with the first `count` requests once they have come. */
  async posts(count: number): Promise<ReceivedPost[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.received.slice(0, count);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(response: ServerResponse): void {
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    if (answer === "reset") response.destroy();
    else if (answer !== "silence" && answer) response.writeHead(answer.status, answer.headers).end("taken");
  }
}
