import { describe, expect, it } from "vitest";
import { temperaments as t } from "../../upstream/index.ts";
import { useBench } from "./bench.ts";
import { always, endedShort, refused, served, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { blobOf, largeBytes, manifestByTag } from "./targets.ts";

const bench = useBench({ patienceMs: 200 });

/** Rows that say something untrue, each in one column. */
const untrue: [string, Row][] = [
  ["what the client saw", { upstream: "spoils a byte", fault: always(t.wrongByte(7)), expected: served(1) }],
  ["how the body ended", { upstream: "is good", fault: [], expected: { ...served(1), body: "short" } }],
  ["what is on disk", { upstream: "is good", fault: [], expected: { ...served(1), onDisk: "part" } }],
  ["what the index says", { upstream: "is good", fault: [], expected: { ...served(1), inIndex: "known" } }],
  ["how often the upstream was asked", { upstream: "is good", fault: [], expected: served(2) }],
  [
    "that a part is kept",
    {
      upstream: "ends every attempt",
      fault: always(t.truncate(100_000)),
      expected: endedShort(3, { onDisk: "nothing" }),
    },
  ],
];

describe("the runner of the fault table", () => {
  it.each(untrue)("finds a row that is wrong about %s", async (_, row) => {
    await expect(runRow(bench(), blobOf(largeBytes), row)).rejects.toThrow(/deeply equal/);
    bench().upstream.behave();
  });

  it("finds a tag that does not point at what was asked for", async () => {
    const wanted = manifestByTag(bench()).then((found) => ({ ...found, tag: "another" }));
    const row: Row = { upstream: "is good", fault: [], expected: served(1) };
    await expect(runRow(bench(), () => wanted, row)).rejects.toThrow(/deeply equal/);
  });

  it("finds a body of wrong bytes with a proper end", async () => {
    const wanted = blobOf(largeBytes)(bench()).then((found) => ({ ...found, bytes: Buffer.from("other bytes") }));
    const row: Row = { upstream: "is good", fault: [], expected: served(1) };
    await expect(runRow(bench(), () => wanted, row)).rejects.toThrow("promise P1");
  });

  it("finds an answer that does not recover", async () => {
    const row: Row = { upstream: "is silent", fault: always(t.silent()), expected: refused(504, "UNAVAILABLE", 1) };
    const wanted = await manifestByTag(bench());
    const spoiling = { ...wanted, path: wanted.path.replace("latest", "absent") };
    await expect(runRow(bench(), () => Promise.resolve(spoiling), row)).rejects.toThrow("the second request");
  });
});
