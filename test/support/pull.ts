import { sha256 } from "./reply.ts";
import type { AskOptions, Reply } from "./instance.ts";

/** An instance, wherever it runs. */
interface Pullable {
  ask(path: string, options?: AskOptions): Promise<Reply>;
}

export interface PullOptions {
  /** Of an index, the platforms to pull, such as `linux/amd64`; by default all. */
  platforms?: readonly string[];
  /** Asks the upstream, however fresh the tag is. */
  mustCheck?: boolean;
  /** How many blobs are asked for at once; by default 3, as containerd does. */
  atOnce?: number;
  /** Config and layers are left out. */
  manifestsOnly?: boolean;
}

/** One answer within a pull. */
export interface Step {
  path: string;
  /** What was asked for; for a tag, what the answer said it is. */
  digest: string;
  status: number;
  isShort: boolean;
  /** Whole, and the bytes have the digest. */
  isRight: boolean;
  isHit: boolean;
}

export interface Pulled {
  /** What the reference led to; undefined where that could not be had. */
  digest: string | undefined;
  steps: Step[];
  /** Steps that did not bring what was asked for; none where the pull has succeeded. */
  broken: Step[];
}

interface Descriptor {
  digest: string;
  platform?: { os: string; architecture: string };
}

interface ManifestDocument {
  manifests?: Descriptor[];
  config?: Descriptor;
  layers?: Descriptor[];
}

/**
 * Pulls an image as clients do: the manifest, of an index the manifests of the platforms, then config and layers. Every body
 * is checked.
 * @throws Error where a whole answer has wrong bytes: that must never be.
 */
export async function pull(
  instance: Pullable,
  repository: string,
  reference: string,
  options: PullOptions = {},
): Promise<Pulled> {
  const steps: Step[] = [];
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Buffer | undefined> => {
    const reply = await instance.ask(`/v2/${repository}/${path}`, { headers });
    const step = stepOf(path, reply);
    steps.push(step);
    return step.isRight ? reply.body : undefined;
  };
  const pullImage = async (bytes: Buffer): Promise<void> => {
    const { manifests = [], config, layers = [] } = JSON.parse(bytes.toString()) as ManifestDocument;
    for (const { digest } of manifests.filter((child) => isWanted(child, options))) {
      const child = await get(`manifests/${digest}`);
      if (child) await pullImage(child);
    }
    const blobs = config && !options.manifestsOnly ? [config, ...layers] : [];
    const left = [...new Set(blobs.map(({ digest }) => digest))].values();
    const takeAll = async (): Promise<void> => {
      for (const digest of left) await get(`blobs/${digest}`);
    };
    await Promise.all(Array.from({ length: options.atOnce ?? 3 }, takeAll));
  };
  const top = await get(`manifests/${reference}`, options.mustCheck ? { "cache-control": "no-cache" } : {});
  if (top) await pullImage(top);
  return { digest: top && sha256(top), steps, broken: steps.filter(({ isRight }) => !isRight) };
}

function isWanted({ platform }: Descriptor, { platforms }: PullOptions): boolean {
  return !platforms || (platform !== undefined && platforms.includes(`${platform.os}/${platform.architecture}`));
}

function stepOf(path: string, { status, headers, body, isShort }: Reply): Step {
  const digest = /sha256:.*/.exec(path)?.[0] ?? String(headers["docker-content-digest"]);
  const isWhole = status === 200 && !isShort;
  if (isWhole && sha256(body) !== digest) throw new Error(`${path}: a whole answer with wrong bytes`);
  const isHit = isWhole && String(headers["cache-status"]).startsWith("entrepot; hit");
  return { path, digest, status, isShort, isRight: isWhole, isHit };
}
