import { expect } from "vitest";
import type { Seat } from "../../../src/cache/flights/flights.ts";
import { seededBytes } from "../../upstream/index.ts";
import type { Feed } from "./fake-upstream.ts";
import { digestOf, readerAt, receive, type Hangar } from "./hangar.ts";

export const MiB = 1024 * 1024;
export const body = seededBytes("detached", 20 * MiB);
export const digest = digestOf(body);
export const size = body.length;
export const chunkBytes = 256 * 1024;

/** Sends what is between these positions in chunks as they come from a network. */
export function send(feed: Feed, from = 0, to = size, bytes = body): void {
  for (let at = from; at < to; at += chunkBytes) feed.push(bytes.subarray(at, Math.min(to, at + chunkBytes)));
}

/** A seat with a reader of the whole blob, which it starts to read now. */
export function reading(hangar: Hangar): { seat: Seat; received: ReturnType<typeof receive> } {
  const seat = hangar.flights.join(hangar.request(digest));
  return { seat, received: receive(readerAt(seat, size), size, 0, MiB) };
}

export async function nothingLeft({ flights, upstream, staging, budget }: Hangar): Promise<void> {
  await expect.poll(staging).toEqual([]);
  await expect.poll(() => budget.reservedBytes).toBe(0);
  expect([flights.running, flights.get(upstream.name, digest)]).toEqual([0, undefined]);
}
