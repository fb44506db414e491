import type { Command } from "commander";
import { openEvents } from "../admin-client.ts";
import type { CliContext } from "../context.ts";
import { CliError, exitCodes } from "../exit-codes.ts";
import { instanceOf, withInstanceOptions, type InstanceFlags } from "../instance-options.ts";
import type { Instance } from "../instance.ts";
import { formatTime } from "../table.ts";
import { untilInterrupted, wait } from "./interruptible.ts";
import { readEvents, type StreamedEvent } from "./read-events.ts";

const comeBackAfterMs = 1000;

interface EventsFlags extends InstanceFlags {
  since?: string;
}

export function addEventsCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("events"))
    .description("what happens, one line each, until Ctrl-C: tags that move, evictions, corruption, upstreams, quotas")
    .option("--since <id>", "with what has happened behind this event, as far as it is kept; all of it with 0")
    .action((flags: EventsFlags) =>
      untilInterrupted(context, (signal) => follow(context, instanceOf(flags, context), { flags, signal })),
    );
}

/** A stream that ends is opened again behind the last event; one that cannot be opened again ends the command. */
async function follow(
  { stdout }: CliContext,
  instance: Instance,
  { flags, signal }: { flags: EventsFlags; signal: AbortSignal },
): Promise<void> {
  let last = flags.since;
  for (;;) {
    const stream = await openEvents(instance, { query: last === undefined ? {} : { lastEventId: last }, signal });
    if (!stream)
      throw new CliError(exitCodes.failed, `${instance.name} has no place for another listener, or no events`);
    try {
      for await (const event of readEvents(stream)) {
        last = event.id ?? last;
        const line = flags.json ? jsonLine(event) : formatEvent(event);
        if (line !== undefined) stdout.write(`${line}\n`);
      }
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) throw error;
    }
    signal.throwIfAborted();
    await wait(comeBackAfterMs, signal);
  }
}

function jsonLine({ kind, data }: StreamedEvent): string {
  return kind === "gap" ? JSON.stringify({ kind }) : data;
}

/** `2026-01-02 03:04:05Z tag-moved image=docker.io/library/alpine:3 from=sha256:… to=sha256:…` */
function formatEvent({ kind, data }: StreamedEvent): string | undefined {
  if (kind === "gap") return "(what has happened before is not known any more)";
  const event = JSON.parse(data) as Record<string, string | number | null>;
  const { at } = event;
  const fields = Object.entries(event).filter(
    ([name, value]) => !["id", "at", "kind"].includes(name) && value !== null,
  );
  const words = fields.map(([name, value]) => `${name}=${String(value)}`);
  return [formatTime(String(at)), kind, ...words].join(" ");
}
