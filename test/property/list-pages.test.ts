import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pageOf } from "../../src/registry/list-pages.ts";

const tag = fc.string({ unit: fc.constantFrom(...Array.from("aAbB09_.-")), minLength: 1, maxLength: 4 });
const tags = fc.uniqueArray(tag, { maxLength: 30 });

/** distribution-spec, "Listing Tags": in byte order, after `last`, at most `size`. */
function model(all: string[], last: string | undefined): string[] {
  const rest = all.filter((item) => last === undefined || Buffer.compare(Buffer.from(item), Buffer.from(last)) > 0);
  return rest.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

describe("pages of tags", () => {
  test("are what the specification says", () => {
    fc.assert(
      fc.property(
        tags,
        fc.option(fc.nat(35), { nil: undefined }),
        fc.option(tag, { nil: undefined }),
        (all, size, last) => {
          const rest = model([...all], last);
          const items = rest.slice(0, size ?? rest.length);
          const hasMore = items.length > 0 && items.length < rest.length;
          expect(pageOf(all, size, last)).toEqual({ items, nextAfter: hasMore ? items.at(-1) : undefined });
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("one after the other hold every tag once", () => {
    fc.assert(
      fc.property(tags, fc.integer({ min: 1, max: 10 }), (all, size) => {
        const seen: string[] = [];
        for (let last: string | undefined; ;) {
          const page = pageOf(all, size, last);
          seen.push(...page.items);
          if (page.nextAfter === undefined) break;
          last = page.nextAfter;
        }
        expect(seen).toEqual(model([...all], undefined));
      }),
    );
  });
});
