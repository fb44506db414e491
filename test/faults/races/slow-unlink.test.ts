import { afterEach, beforeEach, expect, it } from "vitest";
import { Scratch } from "../support/scratch.ts";
import { pullWhileUnlinking } from "./slow-unlink.ts";

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});

afterEach(() => scratch.close());

it("a pull that comes while the files of its image are being unlinked leaves files and index in agreement", async () => {
  expect(await pullWhileUnlinking(scratch)).toEqual([]);
});
