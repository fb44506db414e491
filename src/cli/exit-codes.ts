/** The exit codes of the command line; those above 64 are of sysexits.h. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongUsage: 2,
  notReachable: 69,
  refused: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with words for people and an exit code for programs. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}
