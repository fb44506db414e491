/** An upstream with images at the far end of a wire: listens on the address that is its argument, and tells where. */
import { connect, createServer, type AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { startUpstream } from "../../upstream/index.ts";

const address = process.argv[2] ?? "";
const upstream = await startUpstream();
const images = Array.from({ length: 5 }, (_, number) => {
  const repository = `library/image-${number}`;
  const { digest, config, layers } = upstream.pushImage(repository, "1", { layers: [200_000] });
  return { repository, digest, blobs: [config, ...layers].map((blob) => blob.digest) };
});
const door = createServer((near) => {
  const far = connect(upstream.port, upstream.host);
  const ignore = (): void => undefined;
  pipeline(near, far, ignore);
  pipeline(far, near, ignore);
});
door.listen(0, address, () => {
  const { port } = door.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://${address}:${port}`, images }));
});
