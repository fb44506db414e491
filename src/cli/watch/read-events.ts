import type { Readable } from "node:stream";

/** One server-sent event; `id` undefined where it has none. */
export interface StreamedEvent {
  id: string | undefined;
  kind: string;
  data: string;
}

/** The events of a stream (HTML Living Standard, "Interpreting an event stream"); comments are left out. Ends with the stream. */
export async function* readEvents(stream: Readable): AsyncGenerator<StreamedEvent> {
  stream.setEncoding("utf8");
  let text = "";
  for await (const chunk of stream as AsyncIterable<string>) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) yield event;
    }
  }
}

function parseBlock(block: string): StreamedEvent | undefined {
  const fields = new Map(block.split("\n").flatMap((line) => fieldOf(line)));
  const data = fields.get("data");
  return data === undefined ? undefined : { id: fields.get("id"), kind: fields.get("event") ?? "message", data };
}

function fieldOf(line: string): [string, string][] {
  const match = /^([a-z]+): ?(.*)$/.exec(line);
  return match ? [[match[1] ?? "", match[2] ?? ""]] : [];
}
