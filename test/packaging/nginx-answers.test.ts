import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AskOptions, Reply } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { startScene, type Scene } from "./nginx-scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene({ layers: [3_000_000] });
});

afterAll(() => scene.close());

/** What differs from hop to hop. */
const ofTheHop = ["date", "server", "connection", "keep-alive"];

function seen({ status, headers, body, isShort }: Reply): object {
  const own = Object.entries(headers).filter(([name]) => !ofTheHop.includes(name));
  return { status, isShort, body: sha256(body), headers: Object.fromEntries(own.sort()) };
}

describe("a stored blob through nginx", () => {
  const etag = (): string => `"${scene.digest}"`;
  it.each<[string, boolean, () => AskOptions]>([
    ["whole", true, () => ({})],
    ["its beginning", true, () => ({ headers: { range: "bytes=0-99" } })],
    ["from its middle", true, () => ({ headers: { range: "bytes=1000000-1999999" } })],
    ["to its end", true, () => ({ headers: { range: "bytes=2999990-" } })],
    ["beyond its end", true, () => ({ headers: { range: "bytes=2999990-99999999999999" } })],
    ["its last bytes", true, () => ({ headers: { range: "bytes=-10" } })],
    ["more last bytes than there are", true, () => ({ headers: { range: "bytes=-99999999" } })],
    ["all of it as a range", true, () => ({ headers: { range: "bytes=0-" } })],
    ["by the right If-Range", true, () => ({ headers: { range: "bytes=5-9", "if-range": etag() } })],
    ["by another If-Range", true, () => ({ headers: { range: "bytes=5-9", "if-range": '"sha256:other"' } })],
    ["by a date as If-Range", true, () => ({ headers: { range: "bytes=5-9", "if-range": new Date().toUTCString() } })],
    ["by another If-None-Match", true, () => ({ headers: { "if-none-match": '"sha256:other"' } })],
    ["with ns", true, () => ({ headers: { "x-query": "?ns=docker.io" } })],
    ["by the right If-None-Match", false, () => ({ headers: { "if-none-match": etag() } })],
    ["by its HEAD", false, () => ({ method: "HEAD" })],
    ["by a range of nothing in it", false, () => ({ headers: { range: "bytes=3000000-" } })],
    ["by a range of no bytes", false, () => ({ headers: { range: "bytes=-0" } })],
    ["by several ranges", false, () => ({ headers: { range: "bytes=0-5,10-15" } })],
    ["by a range that is none", false, () => ({ headers: { range: "bytes=nonsense" } })],
    ["by a range the wrong way round", false, () => ({ headers: { range: "bytes=9-5" } })],
    ["by If-Match", false, () => ({ headers: { "if-match": '"sha256:other"' } })],
    ["by If-Modified-Since", false, () => ({ headers: { "if-modified-since": new Date().toUTCString() } })],
    ["by If-Unmodified-Since", false, () => ({ headers: { "if-unmodified-since": new Date(0).toUTCString() } })],
  ])("is answered as without it: %s", async (_, isOffloaded, options) => {
    const { "x-query": query = "", ...headers } = options().headers ?? {};
    const ask = { ...options(), headers };
    const { instance, nginx, path, offloaded } = scene;
    const direct = await instance.ask(path + query, ask);
    const before = offloaded().length;
    expect(seen(await nginx.ask(path + query, ask))).toEqual(seen(direct));
    expect(offloaded().length - before).toBe(isOffloaded ? 1 : 0);
  });
});
