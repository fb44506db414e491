import { chmod } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startInstance, type AskOptions, type Instance, type Reply } from "../support/instance.ts";
import { sha256 } from "../support/reply.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";
import { startNginx, type Nginx } from "./nginx.ts";

const repository = "library/demo";
const layerBytes = 3_000_000;

let upstream: TestUpstream;
let instance: Instance;
let nginx: Nginx;
let image: PushedImage;
let path: string;

beforeAll(async () => {
  upstream = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  const settings = { serve: { offload: "nginx" }, trustedProxies: ["127.0.0.1"], upstreams };
  instance = await startInstance({ settings });
  await chmod(instance.directory, 0o711);
  nginx = await startNginx({ instance });
  image = upstream.pushImage(repository, "1", { layers: [layerBytes] });
  path = `/v2/${repository}/blobs/${image.layers[0]?.digest ?? ""}`;
  await instance.ask(`/v2/${repository}/manifests/1`);
  await instance.ask(path);
  await instance.settled();
  // The first whole read of a file by this process checks its digest.
  await instance.ask(path);
});

afterAll(async () => {
  await nginx.stop();
  await instance.remove();
  await upstream.close();
});

/** What differs from hop to hop. */
const ofTheHop = ["date", "server", "connection", "keep-alive"];

function seen({ status, headers, body, isShort }: Reply): object {
  const own = Object.entries(headers).filter(([name]) => !ofTheHop.includes(name));
  return { status, isShort, body: sha256(body), headers: Object.fromEntries(own.sort()) };
}

/** Lines of the log about requests that were offloaded. */
function offloaded(): Record<string, unknown>[] {
  return instance.log.filter(({ msg, offload }) => msg === "request" && offload === true);
}

describe("a stored blob through nginx", () => {
  const etag = (): string => `"${image.layers[0]?.digest ?? ""}"`;
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
    const direct = await instance.ask(path + query, ask);
    const before = offloaded().length;
    expect(seen(await nginx.ask(path + query, ask))).toEqual(seen(direct));
    expect(offloaded().length - before).toBe(isOffloaded ? 1 : 0);
  });
});
