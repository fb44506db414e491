import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { runCli, type CliContext, type ServeOptions } from "../../../src/cli/index.ts";

export interface Run {
  exitCode: number;
  stdout: string;
  stderr: string;
  served: ServeOptions[];
}

/** Runs one command line and collects what it says. */
export async function run(argv: readonly string[], context: Partial<CliContext> = {}): Promise<Run> {
  const result: Run = { exitCode: -1, stdout: "", stderr: "", served: [] };
  result.exitCode = await runCli(argv, {
    serve: (options) => Promise.resolve(void result.served.push(options)),
    stdout: { write: (text) => (result.stdout += text) },
    stderr: { write: (text) => (result.stderr += text) },
    environment: {},
    ...context,
  });
  return result;
}

/** A file with `text`, in a directory that is removed after the test. */
export function withFile(text: string, name = "entrepot.yaml"): string {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-cli-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}
