/** A registry with the images of the tests: listens on the address that it is given, tells of itself over a unix socket. */
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream";
import { seededBlob, startUpstream } from "../upstream/index.ts";
import { imageCount, type UpstreamFacts } from "./upstream.ts";

const [address = "", port = "", socketPath = ""] = process.argv.slice(2);
const layerBytes = 2_000_000;

const upstream = await startUpstream();
const images = Array.from({ length: imageCount }, (_, number) => {
  const repository = `org/app-${number}`;
  const own = Array.from({ length: 10 }, (_unused, layer) => seededBlob(`${number}-${layer}`, layerBytes));
  // All but the first image have one layer in common.
  const layers = number === 0 ? own : [seededBlob("shared", layerBytes), ...own.slice(1)];
  const pushed = upstream.pushImage(repository, "1", { layers });
  return {
    repository,
    manifest: pushed.digest,
    config: pushed.config.digest,
    layers: pushed.layers.map(({ digest }) => digest),
  };
});

function facts(): UpstreamFacts {
  const fetched: UpstreamFacts["fetched"] = {};
  for (const { reference = "", bytesSent } of upstream.requests.filter({ kind: "blob", method: "GET" })) {
    const before = fetched[reference] ?? { requests: 0, bytes: 0 };
    fetched[reference] = { requests: before.requests + 1, bytes: before.bytes + bytesSent };
  }
  return { images, fetched, layerBytes };
}

createHttpServer((_, response) => response.end(JSON.stringify(facts()))).listen(socketPath);
const door = createServer((near) => {
  const far = connect(upstream.port, upstream.host);
  const ignore = (): void => undefined;
  pipeline(near, far, ignore);
  pipeline(far, near, ignore);
});
door.listen(Number(port), address, () => console.log("listening"));
