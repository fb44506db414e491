import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ensureAdminToken } from "../../../src/admin/index.ts";

describe("the admin token", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "entrepot-token-"));
    return () => rm(directory, { recursive: true });
  });

  it("is made at the first start, for its owner alone, and nothing else is left", async () => {
    const file = join(directory, "data", "admin-token");
    const token = await ensureAdminToken(file);
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(await readFile(file, "utf8")).toBe(`${token}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, "data"))).toEqual(["admin-token"]);
  });

  it("stays the same at every later start", async () => {
    const file = join(directory, "admin-token");
    const token = await ensureAdminToken(file);
    expect(await ensureAdminToken(file)).toBe(token);
  });

  it("may be one's own", async () => {
    const file = join(directory, "admin-token");
    await writeFile(file, "my own token\r\n");
    expect(await ensureAdminToken(file)).toBe("my own token");
  });

  it("is never empty", async () => {
    const file = join(directory, "admin-token");
    await writeFile(file, "\n");
    await expect(ensureAdminToken(file)).rejects.toThrow(/is empty/);
  });

  it("says which file could not be written, and leaves nothing behind", async () => {
    await writeFile(join(directory, "file"), "");
    const file = join(directory, "file", "admin-token");
    await expect(ensureAdminToken(file)).rejects.toThrow(`the admin token file ${file} cannot be`);
    expect(await readdir(directory)).toEqual(["file"]);
  });
});
