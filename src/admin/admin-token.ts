import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * The token in `file`; where there is no such file, a new one (32 random bytes, base64url, readable by its owner alone).
 * Written next to its place and renamed, so that the file is there whole or not at all.
 * @throws Error where the file is empty or cannot be read or written.
 */
export async function ensureAdminToken(file: string): Promise<string> {
  return (await readToken(file)) ?? (await writeToken(file));
}

async function readToken(file: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`the admin token file ${file} cannot be read`, { cause: error });
  }
  const token = text.trim();
  if (token === "") throw new Error(`the admin token file ${file} is empty: remove it to have a new one made`);
  return token;
}

async function writeToken(file: string): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  const temporary = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeDurably(temporary, `${token}\n`);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new Error(`the admin token file ${file} cannot be written`, { cause: error });
  }
  return token;
}

async function writeDurably(file: string, text: string): Promise<void> {
  await using handle = await open(file, "wx", 0o600);
  await handle.writeFile(text);
  await handle.sync();
}

/** Compares in a time that says nothing of where the two differ, nor of their lengths. */
export function isSameToken(given: string, token: string): boolean {
  return timingSafeEqual(sha256(given), sha256(token));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
