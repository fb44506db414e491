import { expect, test } from "vitest";
import { Turns } from "../../../src/blobstore/turns.ts";

test("lets so many go on, and each of the others in its order when a turn is given back", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const begin = async (name: number): Promise<void> => {
    await turns.take();
    begun.push(name);
  };
  const all = [1, 2, 3, 4].map(begin);
  await Promise.all(all.slice(0, 2));
  await new Promise(setImmediate);
  expect(begun).toEqual([1, 2]);
  turns.give();
  await all[2];
  await new Promise(setImmediate);
  expect(begun).toEqual([1, 2, 3]);
  turns.give();
  await all[3];
  expect(begun).toEqual([1, 2, 3, 4]);
});

test("a turn that nobody waited for is there for the next", async () => {
  const turns = new Turns(1);
  await turns.take();
  turns.give();
  expect(turns.take()).toBeUndefined();
});
