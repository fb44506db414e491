import { readFileSync } from "node:fs";
import { LineCounter, parseDocument, type YAMLError } from "yaml";
import { isSection, type ConfigDocument } from "./check-keys.ts";
import { ConfigError } from "./errors.ts";

/**
 * The YAML document of a configuration file; an empty file is an empty document.
 * @throws ConfigError where it cannot be read, is not YAML, or has a key twice. No message quotes the file: it may hold passwords.
 */
export function readConfigFile(file: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => ({
        path: `${file}:${lines.linePos(error.pos[0]).line}`,
        message: wordsOf(error),
      })),
    );
  }
  const value: unknown = valueOf(document, file);
  if (value === null || value === undefined) return {};
  if (!isSection(value)) throw new ConfigError([{ path: file, message: "must be a YAML document of keys" }]);
  return value;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError([{ path: file, message: readFailure(error) }]);
  }
}

/** Why a file could not be read, in words. */
export function readFailure(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES") return "cannot be read: permission denied";
  if (code === "EISDIR") return "cannot be read: it is a directory";
  return `cannot be read (${code})`;
}

function valueOf(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS();
  } catch {
    throw new ConfigError([{ path: file, message: "has an alias that cannot be resolved" }]);
  }
}

/** What follows a colon in these messages is text of the file. */
function wordsOf(error: YAMLError): string {
  if (error.code === "DUPLICATE_KEY") return "a key stands twice in one section";
  return `not YAML: ${error.message.split(":", 1)[0] ?? error.code}`;
}
