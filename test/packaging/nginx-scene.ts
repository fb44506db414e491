import { chmod } from "node:fs/promises";
import type { Clock } from "../../src/cache/index.ts";
import { startInstance, type Instance } from "../support/instance.ts";
import { startUpstream, type PushedImage, type TestUpstream } from "../upstream/index.ts";
import { startNginx, type Nginx, type NginxOptions } from "./nginx.ts";

export const repository = "library/demo";

export interface Scene {
  upstream: TestUpstream;
  instance: Instance;
  nginx: Nginx;
  image: PushedImage;
  /** Of the image's first layer. */
  path: string;
  digest: string;
  /** Lines of the log about requests that were offloaded. */
  offloaded: () => Record<string, unknown>[];
  close(): Promise<void>;
}

export interface SceneOptions extends Omit<NginxOptions, "instance"> {
  layers: number[];
  /** Beside those that offloading needs. */
  settings?: Record<string, unknown>;
  /** Of whoever fills the cache, as an Authorization field. */
  authorization?: string;
  clock?: Clock;
}

/** An upstream, an instance that has its image and has found the first layer right, and nginx in front. */
export async function startScene({ layers, clock, authorization, ...options }: SceneOptions): Promise<Scene> {
  const upstream = await startUpstream({});
  const upstreams = { "docker.io": { endpoints: [upstream.url] } };
  const settings = { serve: { offload: "nginx" }, trustedProxies: ["127.0.0.1"], upstreams, ...options.settings };
  const instance = await startInstance({ settings, ...(clock && { clock }) });
  // mkdtemp's directory is its owner's alone; those in which data lie elsewhere are not.
  await chmod(instance.directory, 0o711);
  const nginx = await startNginx({ instance, ...options });
  const image = upstream.pushImage(repository, "1", { layers });
  const digest = image.layers[0]?.digest ?? "";
  const path = `/v2/${repository}/blobs/${digest}`;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  await instance.ask(`/v2/${repository}/manifests/1`, { headers });
  await instance.ask(path, { headers });
  await instance.settled();
  // The first whole read of a file by this process checks its digest.
  await instance.ask(path, { headers });
  return {
    ...{ upstream, instance, nginx, image, path, digest },
    offloaded: () => instance.log.filter(({ msg, offload }) => msg === "request" && offload === true),
    async close() {
      await nginx.stop();
      await instance.remove();
      await upstream.close();
    },
  };
}
