import type { Command } from "commander";
import type { ListDocument, PinDocument } from "../admin/index.ts";
import { request } from "./admin-client.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { instanceOf, withInstanceOptions, writeAnswer, type InstanceFlags } from "./instance-options.ts";
import { formatTable } from "./table.ts";

const path = "/pins";

interface PinFlags extends InstanceFlags {
  platform?: string[];
}

export function addPinCommands(program: Command, context: CliContext): void {
  withInstanceOptions(program.command("pin"))
    .description("never evict an image, or those of a pattern; without one, list the pins")
    .argument("[image]", "for instance docker.io/library/alpine:3 or ghcr.io/org/app:v*")
    .option("--platform <platform...>", "these of an image index only: linux/amd64")
    .action((image: string | undefined, flags: PinFlags) => {
      return image === undefined ? listPins(context, flags) : addPin(context, image, flags);
    });
  withInstanceOptions(program.command("unpin"))
    .description("take a pin away, as it was written")
    .argument("<image>", "the image or the pattern")
    .action((image: string, flags: InstanceFlags) => dropPin(context, image, flags));
}

async function listPins(context: CliContext, flags: PinFlags): Promise<void> {
  if (flags.platform !== undefined) {
    throw new CliError(exitCodes.wrongUsage, "say the image in front of --platform, which takes all that follows it");
  }
  const pins = await request<ListDocument<PinDocument>>(instanceOf(flags, context), { path, members: ["items"] });
  writeAnswer(context, flags, pins, formatPins);
}

async function addPin(context: CliContext, image: string, flags: PinFlags): Promise<void> {
  const platforms = flags.platform?.flatMap((given) => given.split(","));
  const pin = await request<PinDocument>(instanceOf(flags, context), {
    method: "POST",
    path,
    body: { image, platforms },
    members: ["image"],
  });
  writeAnswer(context, flags, pin, (put) => `pinned ${put.image}${put.platforms ? ` for ${platformsOf(put)}` : ""}\n`);
}

async function dropPin(context: CliContext, image: string, flags: InstanceFlags): Promise<void> {
  const instance = instanceOf(flags, context);
  const dropped = await request<{ image: string }>(instance, {
    method: "DELETE",
    path,
    query: { image },
    members: ["image"],
  });
  writeAnswer(context, flags, dropped, (pin) => `unpinned ${pin.image}\n`);
}

function formatPins({ items }: ListDocument<PinDocument>): string {
  if (items.length === 0) return "nothing is pinned\n";
  const rows = items.map((pin) => [pin.image, platformsOf(pin), pin.origin === "api" ? "pin" : "configuration"]);
  return formatTable([["pin", "platforms", "by"], ...rows], [0, 1, 2]);
}

function platformsOf({ platforms }: PinDocument): string {
  return platforms?.join(", ") ?? "all";
}
