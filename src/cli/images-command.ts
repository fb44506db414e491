import type { Command } from "commander";
import type { ImageDocument, ImagesDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { formatImages, formatReadiness } from "./images-report.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import type { Instance } from "./instance.ts";

/** Looking at every tag of a large store takes its time. */
const timeoutMs = 120_000;
const pageLimit = "1000";

interface ImagesFlags extends InstanceFlags {
  q?: string;
  upstream?: string;
  pinned?: boolean;
  platform?: string[];
  sort?: string;
  order?: string;
  offlineReady?: boolean;
}

export function addImagesCommand(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("images"))
    .description("what is here: every tag with its size, its last pull and its platforms")
    .option("--q <text>", "a part of the name")
    .option("--upstream <name>", "of this registry only: ghcr.io")
    .option("--pinned", "pinned ones only")
    .option("--platform <platform...>", "that are for one of these: linux/amd64")
    .option("--sort <key>", "name (the default), lastPulledAt, firstFetchedAt, bytes, uniqueBytes")
    .option("--order <order>", "asc (the default) or desc")
    .option("--offline-ready", "could they be pulled if every registry vanished? Exit code 1 where one could not")
    .action((flags: ImagesFlags) =>
      flags.offlineReady ? reportReadiness(context, flags) : listImages(context, flags),
    );
}

async function listImages(context: CliContext, flags: ImagesFlags): Promise<void> {
  const images = await allImages(instanceOf(flags, context), queryOf(flags));
  writeAnswer(context, flags, images, formatImages);
}

/** What is not ready is asked for by itself: tags that are not for a platform that is wanted are among it. */
async function reportReadiness(context: CliContext, flags: ImagesFlags): Promise<void> {
  const instance = instanceOf(flags, context);
  const [incomplete, ready] = [
    await allImages(instance, { ...queryOf(flags), offlineReady: "false" }),
    await allImages(instance, { ...queryOf(flags), offlineReady: "true" }),
  ];
  const items = [...incomplete.items, ...ready.items];
  writeAnswer(context, flags, { items, nextCursor: null, total: items.length }, formatReadiness);
  if (items.length === 0) throw new CliError(exitCodes.failed, "no stored image fits what was asked for");
  if (incomplete.items.length === 0) return;
  throw new CliError(exitCodes.failed, `${incomplete.items.length} of ${items.length} could not be pulled offline`);
}

function queryOf({ q, upstream, pinned, platform, sort, order }: ImagesFlags): Record<string, string> {
  return {
    limit: pageLimit,
    ...(q !== undefined && { q }),
    ...(upstream !== undefined && { upstream }),
    ...(pinned && { pinned: "true" }),
    ...(platform && { platform: platform.join(",") }),
    ...(sort !== undefined && { sort }),
    ...(order !== undefined && { order }),
  };
}

/** All pages. */
async function allImages(instance: Instance, query: Record<string, string>): Promise<ImagesDocument> {
  const items: ImageDocument[] = [];
  let cursor: string | null = null;
  do {
    const page: ImagesDocument = await request<ImagesDocument>(instance, {
      path: "/images",
      query: { ...query, ...(cursor !== null && { cursor }) },
      members: ["items", "nextCursor"],
      timeoutMs,
    });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return { items, nextCursor: null, total: items.length };
}
