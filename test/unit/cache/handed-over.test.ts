import { describe, expect, it } from "vitest";
import { HandedOver } from "../../../src/cache/blobs/handed-over.ts";
import { digestOf } from "../../../src/oci/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const digest = digestOf(Buffer.from("one"));
const other = digestOf(Buffer.from("other"));

function open() {
  const clock = new ManualClock();
  const held: string[] = [];
  const hold = (digest: string) => {
    held.push(digest);
    return () => void held.splice(held.indexOf(digest), 1);
  };
  return { clock, held, handedOver: new HandedOver({ eviction: { hold }, clock }) };
}

describe("a file that another process was told to send", () => {
  it("is held for 30 s after the last time, once however many ask", () => {
    const { clock, held, handedOver } = open();
    handedOver.keep(digest);
    handedOver.keep(other);
    clock.advance(29_999);
    handedOver.keep(digest);
    handedOver.keep(digest);
    expect(held).toEqual([digest, other]);
    clock.advance(1);
    expect(held).toEqual([digest]);
    clock.advance(29_999);
    expect(held).toEqual([digest]);
    clock.advance(1);
    expect(held).toEqual([]);
  });

  it("is held again when it is asked for later", () => {
    const { clock, held, handedOver } = open();
    handedOver.keep(digest);
    clock.advance(30_000);
    handedOver.keep(digest);
    expect(held).toEqual([digest]);
    clock.advance(30_000);
    expect(held).toEqual([]);
  });

  it("leaves no timer behind", () => {
    const { clock, held, handedOver } = open();
    handedOver.keep(digest);
    handedOver.close();
    expect(clock.pendingTimers).toBe(0);
    expect(held).toEqual([digest]);
  });
});
