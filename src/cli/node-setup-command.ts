import { Argument, InvalidArgumentError, type Command } from "commander";
import { loadSettings } from "../config/index.ts";
import { install, runtimeNames, runtimes, uninstall, type Change, type RuntimeName } from "../installer/index.ts";
import type { CliContext } from "./context.ts";
import { CliError, exitCodes } from "./exit-codes.ts";
import { configFile } from "./instance.ts";
import { formatTable } from "./table.ts";

interface SetupFlags {
  dir?: string;
  address: string;
  registry?: string[];
  dialTimeout: string;
  uninstall?: boolean;
  config?: string;
  json?: boolean;
}

export function addNodeSetupCommand(program: Command, context: CliContext): void {
  program
    .command("node-setup")
    .description(
      "point a node's container runtime at entrepot, beside what is configured there; --uninstall takes it back",
    )
    .addArgument(new Argument("<runtime>", "whose configuration").choices(runtimeNames))
    .option("--dir <directory>", "where it is (else where it usually is)")
    .option("--address <url>", "how the node reaches entrepot", parseAddress, "http://127.0.0.1:5000")
    .option("--registry <names...>", "only these (else every upstream of the configuration)")
    .option("--dial-timeout <duration>", "containerd 2.1 and newer: give up connecting after", parseDuration, "1s")
    .option("--uninstall", "bring back what was there before")
    .option("--config <file>", "configuration in YAML (ENTREPOT_CONFIG)")
    .option("--json", "for programs")
    .action((runtime: RuntimeName, flags: SetupFlags) => setUp(runtime, flags, context));
}

function setUp(runtime: RuntimeName, flags: SetupFlags, context: CliContext): void {
  const { address, dialTimeout, json = false } = flags;
  const directory = flags.dir ?? runtimes[runtime].directory;
  const changes =
    flags.uninstall === true
      ? uninstall(runtime, directory)
      : install(runtime, directory, {
          address,
          dialTimeout,
          registries: flags.registry ?? upstreamNames(flags, context),
        });
  context.stdout.write(json ? `${JSON.stringify(changes, null, 2)}\n` : formatChanges(changes));
  const problems = changes.filter(({ isProblem }) => isProblem).length;
  if (problems > 0) throw new CliError(exitCodes.failed, `pulls may go past entrepot: ${problems} left as they were`);
}

function upstreamNames({ config }: SetupFlags, { environment }: CliContext): string[] {
  const { upstreams } = loadSettings({ file: configFile(config, environment), environment });
  return upstreams.map(({ name }) => name);
}

function formatChanges(changes: readonly Change[]): string {
  return changes.length === 0
    ? "nothing there is entrepot's\n"
    : formatTable(
        changes.map(({ what, path, why }) => [what, path, why ?? ""]),
        [0, 1, 2],
      );
}

function parseAddress(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || `${url.origin}/` !== url.href) {
    throw new InvalidArgumentError("must be http://HOST:PORT or https://HOST:PORT");
  }
  return url.origin;
}

function parseDuration(text: string): string {
  if (!/^(\d+(ms|s|m))+$/.test(text)) throw new InvalidArgumentError("must be a duration such as 200ms or 1s");
  return text;
}
