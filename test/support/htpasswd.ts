import { hashSync } from "bcryptjs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export interface HtpasswdFixture {
  readonly file: string;
  /** Replaces the file. */
  write: (users: Record<string, string>) => void;
}

/** An htpasswd file with these users and passwords, removed after the test. */
export function writeHtpasswd(users: Record<string, string>): HtpasswdFixture {
  const directory = mkdtempSync(join(tmpdir(), "entrepot-htpasswd-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "htpasswd");
  const write = (wanted: Record<string, string>): void => {
    const lines = Object.entries(wanted).map(([user, password]) => `${user}:${hashSync(password, 4)}\n`);
    writeFileSync(file, lines.join(""));
  };
  write(users);
  return { file, write };
}
