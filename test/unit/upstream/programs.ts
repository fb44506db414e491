import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";

/** A directory that is removed after the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-credentials-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface Program {
  path: string;
  /** What it does from now on: a shell script. */
  does(script: string): void;
  /** What it was given each time it ran, standard input behind the arguments. */
  runs(): string[];
}

/** A program on PATH that notes how it was run, and then does as it is told. */
export function placeProgram(name: string, script: string): Program {
  const directory = scratch();
  const [path, notes] = [join(directory, name), join(directory, "runs")];
  appendFileSync(notes, "");
  const does = (words: string): void => {
    const note = `input=$(cat); printf '%s %s\\n' "$*" "$input" >> '${notes}'`;
    writeFileSync(path, `#!/bin/sh\n${note}\n${words}\n`);
    chmodSync(path, 0o755);
  };
  does(script);
  vi.stubEnv("PATH", `${directory}:${process.env["PATH"] ?? ""}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { path, does, runs: () => readFileSync(notes, "utf8").split("\n").slice(0, -1) };
}

/** The script of a helper that knows one credential. */
export function printing(document: unknown): string {
  return `printf '%s' '${JSON.stringify(document)}'`;
}
