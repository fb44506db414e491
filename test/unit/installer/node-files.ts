import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { onTestFinished } from "vitest";

/** A directory with these files, which is removed after the test. */
export function nodeDirectory(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "entrepot-node-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** All that is below a directory: what each file holds, its mode and when it was changed, what each link points to. */
export function snapshot(root: string): Record<string, string> {
  const entries = readdirSync(root, { withFileTypes: true, recursive: true }).map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name);
    const { mode, mtimeMs } = lstatSync(path);
    if (entry.isDirectory()) return [`${relative(root, path)}/`, mode.toString(8)];
    const held = entry.isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, "latin1");
    return [relative(root, path), `${mode.toString(8)} ${mtimeMs}\n${held}`];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The texts of the files below a directory, without our first line. */
export function texts(root: string): Record<string, string> {
  const files = Object.entries(snapshot(root)).filter(([name]) => !name.endsWith("/"));
  return Object.fromEntries(
    files.map(([name, held]) => [name, held.replace(/^.*\n/, "").replace(/^# entrepot node-setup wrote .*\n/, "")]),
  );
}
