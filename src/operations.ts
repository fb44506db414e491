import { Jobs, OperationRefused, type Operations, type ReloadReport } from "./admin/index.ts";
import type { Clock, Refreshed } from "./cache/index.ts";
import { ConfigError } from "./config/index.ts";
import { ImagePinned } from "./eviction/index.ts";
import { formatImageName, RegistryError, type ImageName, type Reference, type Tag } from "./oci/index.ts";
import type { Parts, Undo } from "./parts.ts";
import { readUpstreams } from "./read-upstreams.ts";
import { UpkeepError } from "./upkeep/index.ts";
import { Warming, wordsOfRefusal } from "./warming/index.ts";

const refusalStatuses = [404, 502, 503, 504] as const;

export interface OperationPorts {
  clock: Clock;
  onError: (error: unknown) => void;
  undo: Undo;
  /** @throws ConfigError */
  reload: () => Promise<ReloadReport>;
}

/** What the admin API does, put together from the rooms. */
export function createOperations(parts: Parts, { clock, onError, undo, reload }: OperationPorts): Operations {
  const { index, eviction, upkeep, inventory } = parts;
  const jobs = new Jobs({ now: () => clock.now(), onError });
  undo.push(() => jobs.close());
  return {
    images: (query) => inventory.images(query),
    async image(subject) {
      const [image, explanation] = [await inventory.image(subject), eviction.explain(subject)];
      if (!image || !explanation) return undefined;
      const { upstream, repository, reference } = subject;
      const key = { upstream, name: repository };
      const history = isTag(reference) ? index.graph.tagHistory(key, reference.tag) : [];
      return { subject, image, history, explanation };
    },
    upstreams: () => readUpstreams(parts),
    explain: (subject) => Promise.resolve(eviction.explain(subject)),
    plan: (freeBytes) => eviction.plan(freeBytes),
    evictBytes: (freeBytes) => eviction.evictBytes(freeBytes),
    async evictImage(image, dryRun) {
      try {
        return (await eviction.evictImage(image, dryRun)) ?? "absent";
      } catch (error) {
        if (!(error instanceof ImagePinned)) throw error;
        throw new OperationRefused(409, `${formatImageName(image)} is ${error.message}: unpin it first`);
      }
    },
    pins: () => index.graph.pins(),
    putPin: (image, platforms) => eviction.setPin({ image, origin: "api", platforms }),
    async dropPin(image) {
      if (await eviction.dropPin(image)) return "dropped";
      const isConfigured = index.graph.pins().some((pin) => pin.image === image);
      return isConfigured ? "from-config" : "absent";
    },
    tagHistory(image) {
      const { upstream, repository, tag } = tagOf(image);
      const key = { upstream, name: repository };
      const periods = index.graph.tagHistory(key, tag);
      return periods.length === 0 ? undefined : { held: index.graph.heldDigest(key, tag), periods };
    },
    async rollback(image, digest) {
      const { upstream, repository, tag } = tagOf(image);
      const key = { upstream, name: repository };
      if (!index.tag(key, tag)) throw new OperationRefused(404, `${formatImageName(image)} is not stored`);
      if (digest !== "release" && !(index.graph.manifest(digest)?.state === "present" && index.isMember(key, digest))) {
        throw new OperationRefused(
          404,
          `${digest} is not stored for ${upstream}/${repository}: pull it by its digest first`,
        );
      }
      await index.holdTag(key, tag, digest === "release" ? undefined : digest);
    },
    startVerify: () => jobs.start("verify", (signal, onProgress) => upkeep.verify({ signal, onProgress })),
    startBackup: (directory) =>
      jobs.start("backup", async (signal, onProgress) => {
        try {
          return await upkeep.backup(directory, { signal, onProgress });
        } catch (error) {
          if (error instanceof UpkeepError) throw new OperationRefused(422, error.message);
          throw error;
        }
      }),
    reload: () => reload().catch(refuseFaults),
    refresh: (image) => refreshImage(image, parts),
    startWarm(wanted) {
      const warming = new Warming({ ...wanted, onError }, parts);
      return jobs.start("warm", (signal, onProgress) => warming.run(signal, onProgress), warming.items);
    },
    job: (id) => jobs.get(id),
    cancelJob: (id) => jobs.cancel(id),
  };
}

/** @throws OperationRefused with every fault of the configuration, and its path */
function refuseFaults(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error;
  const faults = error.faults.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new OperationRefused(422, `the configuration is faulty, nothing has changed: ${faults}`, { cause: error });
}

/** @throws OperationRefused with the words of the cache, and the status that a proxy would have */
async function refreshImage(image: ImageName, { access, cache }: Parts): Promise<Refreshed> {
  const { upstream, repository, tag } = tagOf(image);
  try {
    access.refuseRepository(upstream, repository);
    return await cache.refresh({ upstream, repository, trace: { upstreamMs: 0 } }, tag);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    // What the upstream refuses to us is no refusal of who asks.
    const status = refusalStatuses.find((possible) => possible === error.status) ?? 502;
    throw new OperationRefused(status, wordsOfRefusal(error), { cause: error });
  }
}

function tagOf({ upstream, repository, reference }: ImageName): {
  upstream: string;
  repository: ImageName["repository"];
  tag: Tag;
} {
  if (isTag(reference)) return { upstream, repository, tag: reference.tag };
  throw new OperationRefused(422, "an image with a tag is meant, not one with a digest");
}

function isTag(reference: Reference): reference is Extract<Reference, { kind: "tag" }> {
  return reference.kind === "tag";
}
