import type { Digest } from "../../../../src/oci/index.ts";
import { seededBlob } from "../../../upstream/index.ts";
import { startDockerRegistry } from "../entrants/docker-registry.ts";
import { startEntrepot } from "../entrants/entrepot.ts";
import { startCachingNginx } from "../entrants/nginx.ts";
import { makeLoad } from "../load/load-process.ts";
import type { Pulled } from "../load/protocol.ts";
import { extra, medianOf, ratioOf } from "../results.ts";
import { openOnStage, type Server, type Stage } from "../stage.ts";
import { watchUsage } from "../usage.ts";
import type { Entrant, Measurement, Opening, OpenWorkload, Workload } from "../workload.ts";

const repository = "library/storm";
const alone = "entrepot, one client";
const copies = "times its bytes from the origin";
/** 80 Mbit/s. */
const originBytesPerSecond = 10e6;

export const stormWorkload: Workload = {
  name: "storm",
  title: "cold blob of 100 MB, 64 clients at once, origin at 80 Mbit/s",
  unit: "times as long as the blob takes at the origin's rate",
  isLessBetter: true,
  goals: [
    {
      words: "the blob's bytes from the origin, of entrepot",
      of: (results) => medianOf(results, "entrepot", extra(copies)),
      atLeast: 1,
      atMost: 1,
    },
    { words: "64 clients over one", of: (results) => ratioOf(results, "entrepot", alone), atMost: 1.15 },
  ],
  open,
};

function open(how: Opening): Promise<OpenWorkload> {
  return openOnStage(how, async (stage) => {
    const entrepot = await startEntrepot(stage);
    const nginx = await startCachingNginx(stage);
    const registry = await startDockerRegistry(stage);
    stage.origin.upstream.throttle.bytesPerSecond = originBytesPerSecond;
    const { clients, bytes } = how.isShort ? { clients: 8, bytes: 2e6 } : { clients: 64, bytes: 100e6 };
    return [
      stormOn(stage, entrepot, { clients, bytes, isShared: true }),
      stormOn(stage, { ...entrepot, name: alone }, { clients: 1, bytes, isShared: true }),
      stormOn(stage, nginx, { clients, bytes }),
      // It fetches the blob for each client: the whole one would take a quarter of an hour a round.
      stormOn(stage, { ...registry, name: "docker-registry, a tenth of the blob" }, { clients, bytes: bytes / 10 }),
    ];
  });
}

interface Storm {
  clients: number;
  bytes: number;
  /** One request upstream is not a figure but a promise. */
  isShared?: true;
}

/** Each round has a blob of its own. */
function stormOn(stage: Stage, server: Server, { clients, bytes, isShared }: Storm): Entrant {
  const { origin } = stage;
  const { upstream } = origin;
  const measure = async (round: number): Promise<Measurement> => {
    const digest = upstream.pushBlob(repository, seededBlob(`${server.name} ${round}`, bytes));
    const [usage, asked] = [watchUsage(...server.pids), origin.watch()];
    const path = `/v2/${repository}/blobs/${digest}`;
    const pulls = await makeLoad("rush", { url: server.url, path, clients, isHashed: true });
    checkPulls(server, pulls, digest);
    const gets = upstream.requests.count({ kind: "blob", method: "GET" });
    if (isShared && gets !== 1) throw new Error(`${clients} clients of ${server.name} made ${gets} GETs upstream`);
    const totalMs = Math.max(...pulls.map((pull) => pull.totalMs));
    return {
      ...usage(),
      value: totalMs / ((bytes / originBytesPerSecond) * 1000),
      bytes: bytes * clients,
      requests: clients,
      upstream: asked(),
      extra: {
        [copies]: upstream.requests.bytes({ kind: "blob" }) / bytes,
        seconds: totalMs / 1000,
        "slowest first byte after the first client's ms": spreadOf(pulls.map(({ firstByteMs }) => firstByteMs)),
      },
    };
  };
  return { name: server.name, measure };
}

function checkPulls({ name }: Server, pulls: readonly Pulled[], digest: Digest): void {
  const wrong = pulls.find((pull) => pull.status !== 200 || pull.digest !== digest);
  if (wrong) throw new Error(`${name} answered ${wrong.status} with ${wrong.bytes} bytes, whose digest is wrong`);
}

function spreadOf(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}
