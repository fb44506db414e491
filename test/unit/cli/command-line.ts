import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createAdminApp, type Operations } from "../../../src/admin/index.ts";
import { runCli, type CliContext, type ServeOptions } from "../../../src/cli/index.ts";
import { adminOptions, fakeOperations, listen } from "../admin/admin-server.ts";

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
    verifyOffline: () => Promise.reject(new Error("nobody expects a verification")),
    onInterrupt: () => () => undefined,
    serve: (options) => Promise.resolve(void result.served.push(options)),
    stdout: { write: (text) => (result.stdout += text) },
    stderr: { write: (text) => (result.stderr += text) },
    environment: {},
    ...context,
  });
  return result;
}

/** An instance of which some operations are expected; `flags` lead a command to it. */
export async function startInstance(expected: Partial<Operations>): Promise<{ flags: string[]; asked: unknown[][] }> {
  const operations = fakeOperations(expected);
  const url = await listen(createAdminApp(adminOptions({ operations })));
  return { flags: ["--admin", url, "--token-file", withFile("the-token", "admin-token")], asked: operations.asked };
}

/** A file with `text`, in a directory that is removed after the test. */
export function withFile(text: string, name = "entrepot.yaml"): string {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-cli-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}
