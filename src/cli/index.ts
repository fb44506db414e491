/** The command line: parses arguments, prints tables, talks to a running instance's admin API. */
export type { CliContext, ServeOptions, Verification, VerifyOptions } from "./context.ts";
export type { ExitCode } from "./exit-codes.ts";
export { runCli } from "./run-cli.ts";
export { readVersion } from "./version.ts";
