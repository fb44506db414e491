import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ensureInstanceId } from "../../../src/metadata/index.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

describe("the id of an instance", () => {
  it("is made at its first start and stays", async () => {
    const directory = await temporaryDirectory();
    const id = ensureInstanceId(directory);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(ensureInstanceId(directory)).toBe(id);
    expect(readdirSync(directory)).toEqual(["instance-id"]);
  });

  it("is another one in another data directory", async () => {
    const [one, other] = [await temporaryDirectory(), await temporaryDirectory()];
    expect(ensureInstanceId(one)).not.toBe(ensureInstanceId(other));
  });

  it.each(["", "x", "0123456789abcdef", "0123456789ABCDEF\n", "0123456789abcdef\n\n"])(
    "is made anew where the file holds something else: %j",
    async (text) => {
      const directory = await temporaryDirectory();
      const path = join(directory, "instance-id");
      writeFileSync(path, text);
      const id = ensureInstanceId(directory);
      expect(readFileSync(path, "utf8")).toBe(`${id}\n`);
    },
  );
});
