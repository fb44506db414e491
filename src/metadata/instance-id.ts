import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sqliteCodeOf } from "./errors.ts";
import { writeDurably } from "./format.ts";

/**
 * The id of the instance that has this data directory, 16 hex digits, made at its first start. What is no id is replaced. A
 * backup has none: two instances must never have the same. The caller holds the directory's lock.
 */
export function ensureInstanceId(directory: string): string {
  const path = join(directory, "instance-id");
  const known = /^([0-9a-f]{16})\n$/.exec(readIfThere(path))?.[1];
  if (known !== undefined) return known;
  const id = randomBytes(8).toString("hex");
  writeDurably(directory, path, `${id}\n`);
  return id;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (sqliteCodeOf(error) === "ENOENT") return "";
    throw error;
  }
}
