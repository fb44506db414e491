// One request at a time, exactly as a client writes it, and its answer with nothing decoded or followed.
import { once } from "node:events";
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface WireRequest {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Hang up after so many bytes of the body, as a client does that wants one chunk of an open-ended range. */
  readonly hangUpAfterBytes?: number;
}

export class Wire {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  async send({ method, path, headers = {}, hangUpAfterBytes }: WireRequest): Promise<Answer> {
    const outgoing = request({
      host: "127.0.0.1",
      port: this.#port,
      method,
      path,
      headers,
      agent: hangUpAfterBytes === undefined ? this.#agent : false,
      timeout: 30_000,
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`${method} ${path}: silent for 30 s`)));
    outgoing.end();
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    const body = await readBody(answer, hangUpAfterBytes ?? Infinity);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body };
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function readBody(answer: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop destroys the response, and with it the connection.
    if (length >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, Math.min(length, maxBytes));
}
