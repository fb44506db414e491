import type { FillDocument, ListDocument, Stats, UpstreamDocument } from "../../admin/index.ts";
import { openEvents, request } from "../admin-client.ts";
import type { CliContext } from "../context.ts";
import type { Instance } from "../instance.ts";
import { formatStats } from "../stats-report.ts";
import { formatBytes, formatPart, formatTable } from "../table.ts";
import { untilInterrupted, wait } from "./interruptible.ts";
import { readEvents } from "./read-events.ts";

const redrawEveryMs = 1000;
const defaultIntervalMs = 5000;
/** From the first cell on, everything behind it erased. */
const home = "\u001b[H\u001b[J";

export interface WatchOptions {
  isJson: boolean;
  intervalMs: number | undefined;
}

export function readStats(instance: Instance): Promise<Stats> {
  return request<Stats>(instance, { path: "/stats", members: ["requests", "store"] });
}

/** For people; programs ask for them by themselves. */
export async function readUpstreams(instance: Instance): Promise<UpstreamDocument[]> {
  const asked = { path: "/upstreams", members: ["items"] } as const;
  return (await request<ListDocument<UpstreamDocument>>(instance, asked)).items;
}

/** Until Ctrl-C. @throws CliError 69 where the instance does not answer any more */
export function watchStats(
  context: CliContext,
  instance: Instance,
  { isJson, intervalMs }: WatchOptions,
): Promise<void> {
  const isDrawn = context.stdout.isTTY === true && !isJson;
  return untilInterrupted(context, async (signal) => {
    if (isDrawn) await drawEvents(context, instance, signal);
    const everyMs = intervalMs ?? (isDrawn ? redrawEveryMs : defaultIntervalMs);
    for (;;) {
      const stats = await readStats(instance);
      const text = isJson ? JSON.stringify(stats) : formatStats(stats, await readUpstreams(instance));
      signal.throwIfAborted();
      context.stdout.write(isDrawn ? home + text : `${text}\n`);
      await wait(everyMs, signal);
    }
  });
}

/** Draws what the event stream tells, as long as it does. */
async function drawEvents({ stdout }: CliContext, instance: Instance, signal: AbortSignal): Promise<void> {
  const stream = await openEvents(instance, { query: { activity: "1" }, signal });
  if (!stream) return;
  try {
    for await (const { kind, data } of readEvents(stream)) {
      if (kind !== "activity") continue;
      const { stats, fills } = JSON.parse(data) as { stats: Stats; fills: FillDocument[] };
      stdout.write(home + formatStats(stats, await readUpstreams(instance)) + formatFills(fills));
    }
  } catch (error) {
    signal.throwIfAborted();
    // What has broken off can still be asked for.
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

function formatFills(fills: readonly FillDocument[]): string {
  if (fills.length === 0) return "";
  const rows = fills.map(({ upstream, repository, digest, bytes, totalBytes, readers }) => [
    `${upstream}/${repository}`,
    digest.slice(0, digest.indexOf(":") + 13),
    formatBytes(bytes),
    totalBytes === null ? "" : `of ${formatBytes(totalBytes)}`,
    totalBytes === null ? "" : formatPart(bytes, totalBytes),
    String(readers),
  ]);
  return `\n${formatTable([["being fetched", "blob", "", "", "", "readers"], ...rows], [0, 1])}`;
}
