import { request, type IncomingMessage } from "node:http";

/** One server-sent event, or a comment (`event` is then `:`). */
export interface StreamedEvent {
  id: string | undefined;
  event: string;
  data: Record<string, unknown>;
}

export interface ListenOptions {
  headers?: Record<string, string>;
  /** `activity=1` */
  query?: string;
}

/** A listener of the event stream of an admin API. */
export class EventListening {
  readonly response: IncomingMessage;
  readonly #received: StreamedEvent[] = [];
  #waiting: (() => void)[] = [];
  #isOver = false;

  static open(adminUrl: string, { headers = {}, query = "" }: ListenOptions = {}): Promise<EventListening> {
    return new Promise((resolve, reject) => {
      const url = `${adminUrl}/api/v1/events${query === "" ? "" : `?${query}`}`;
      request(url, { headers, agent: false }, (response) => resolve(new EventListening(response)))
        .on("error", reject)
        .end();
    });
  }

  private constructor(response: IncomingMessage) {
    this.response = response;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      this.#received.push(...blocks.map(parseBlock));
      this.#wake();
    });
    response.on("error", () => undefined);
    response.once("close", () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** The next one of this kind, or any but a comment; those before it are passed over. @throws where the stream ends before it */
  async next(kind?: string): Promise<StreamedEvent> {
    for (;;) {
      const event = this.#received.shift();
      if (event && (kind === undefined ? event.event !== ":" : event.event === kind)) return event;
      if (event) continue;
      if (this.#isOver) throw new Error("the stream has ended");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.response.destroy();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function parseBlock(block: string): StreamedEvent {
  const fields = new Map(
    block.split("\n").map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const data = JSON.parse(fields.get("data") ?? "{}") as Record<string, unknown>;
  return { id: fields.get("id"), event: fields.get("event") ?? ":", data };
}
