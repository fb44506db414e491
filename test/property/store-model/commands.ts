import fc from "fast-check";
import type { Catalog } from "./catalog.ts";
import type { Command } from "./command.ts";
import {
  crash,
  crashWithin,
  flip,
  pullAfterCrash,
  removeStored,
  restart,
  setUpstream,
  skip,
} from "./fault-commands.ts";
import {
  evictBytes,
  evictDigest,
  evictTag,
  pin,
  pinPlans,
  release,
  rollBack,
  unpin,
  verify,
} from "./operator-commands.ts";
import { moveTag, pullAtOnce, pullByDigest, pullByTag, pullNew, removeTag } from "./pull-commands.ts";

const platforms = ["linux/amd64", "linux/arm64"] as const;

/** The commands of the model with their parameters; `catalog` is only looked at for how many there are of what. */
export function storeCommands({ tags, targets }: Pick<Catalog, "tags" | "targets">): fc.Arbitrary<Command>[] {
  const tagAt = fc.nat(tags.length - 1);
  const targetAt = fc.nat(targets.length - 1);
  const platform = fc.constantFrom(...platforms);
  const tagPull = fc.record({ tag: tagAt, platform, mustCheck: fc.boolean() });
  const tagPulls = fc.array(tagPull, { minLength: 2, maxLength: 3 });
  const weighted: [number, fc.Arbitrary<Command>][] = [
    [4, tagPull.map(pullByTag)],
    [2, targetAt.map(pullByDigest)],
    [4, fc.integer({ min: 1, max: 14 }).map((size) => pullNew(size * 100_000))],
    [2, fc.tuple(tagAt, fc.nat(7)).map(([tag, target]) => moveTag(tag, target))],
    [2, fc.tuple(tagPulls, fc.nat(20)).map(([pulls, size]) => pullAtOnce(pulls, size * 100_000))],
    [4, fc.integer({ min: 1, max: 40 }).map((size) => evictBytes(size * 100_000))],
    [2, fc.tuple(tagAt, fc.boolean()).map(([tag, isDryRun]) => evictTag(tag, isDryRun))],
    [1, targetAt.map(evictDigest)],
    [4, fc.nat(pinPlans.length - 1).map(pin)],
    [1, fc.nat(pinPlans.length - 1).map(unpin)],
    [2, fc.tuple(tagAt, fc.nat(7)).map(([tag, target]) => rollBack(tag, target))],
    [1, tagAt.map(release)],
    [1, fc.constant(verify())],
    [1, fc.constant(crash())],
    [1, fc.tuple(tagPull, fc.nat(40)).map(([at, afterMs]) => crashWithin(at, afterMs))],
    [1, tagPull.map(pullAfterCrash)],
    [1, fc.constant(restart())],
    [2, fc.nat(30).map((at) => flip(at))],
    [2, fc.nat(30).map((at) => removeStored(at))],
    [2, fc.constant(setUpstream(false))],
    [2, fc.constant(setUpstream(true))],
    [1, tagAt.map(removeTag)],
    [2, fc.constantFrom(2, 20, 130).map((minutes) => skip(minutes))],
  ];
  // fast-check takes each of the list as often as any other.
  return weighted.flatMap(([times, arbitrary]) => Array.from({ length: times }, () => arbitrary));
}
