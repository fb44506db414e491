import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ConfigError, loadSettings, type ConfigFault, type Settings } from "../../../src/config/index.ts";

/** Writes files into a directory that is removed after the test, and returns the directory. */
export function withFiles(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-config-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

export function load(yaml: string, environment: NodeJS.ProcessEnv = {}, flags: Record<string, string> = {}): Settings {
  return loadSettings({ file: join(withFiles({ "entrepot.yaml": yaml }), "entrepot.yaml"), environment, flags });
}

/** The faults of a configuration that must not load. */
export function faultsOf(yaml: string, environment: NodeJS.ProcessEnv = {}): readonly ConfigFault[] {
  return configErrorOf(() => load(yaml, environment)).faults;
}

export function configErrorOf(attempt: () => unknown): ConfigError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}
