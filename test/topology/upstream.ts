import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Client } from "undici";
import type { Scratch } from "../faults/support/scratch.ts";
import type { Host } from "./network.ts";

export const imageCount = 12;

export interface ImageFacts {
  repository: string;
  manifest: string;
  config: string;
  /** The first one is in all images but the first. */
  layers: string[];
}

export interface UpstreamFacts {
  images: ImageFacts[];
  layerBytes: number;
  /** What has left so far, by digest. */
  fetched: Record<string, { requests: number; bytes: number }>;
}

export interface Upstream {
  /** As it stands in image names: address and port. */
  name: string;
  url: string;
  facts: () => Promise<UpstreamFacts>;
}

/** Starts the registry on a host of its own. */
export async function startUpstream(scratch: Scratch, { under, address }: Host): Promise<Upstream> {
  const socketPath = join(await scratch.make("upstream"), "facts.sock");
  const program = new URL("./upstream-program.ts", import.meta.url).pathname;
  const [command, ...args] = [...under, process.execPath, program, address, "5000", socketPath];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  scratch.onClose(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await once(createInterface({ input: child.stdout }), "line");
  const client = new Client("http://localhost", { socketPath });
  scratch.onClose(() => client.destroy());
  const facts = async (): Promise<UpstreamFacts> => {
    const { body } = await client.request({ method: "GET", path: "/" });
    return (await body.json()) as UpstreamFacts;
  };
  return { name: `${address}:5000`, url: `http://${address}:5000`, facts };
}
