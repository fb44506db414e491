import { quantile } from "../../store/figures.ts";
import { makeLoad } from "../load/load-process.ts";
import type { Taken } from "../load/protocol.ts";
import type { Server } from "../stage.ts";
import { onlyOf, type Mix } from "./mix.ts";

export const mixConnections = 200;

export interface MixOffer {
  mix: Mix;
  seconds: number;
  /** Of these seconds, at the beginning: what is asked for in them counts in no p99. */
  settleSeconds: number;
  /** Of all requests of the mix together. */
  ratePerSecond: number;
  /** Manifests alone, at the rate that they have in the mix. */
  isManifestsOnly?: true;
}

/** How a server has stood a mix. */
export interface MixTaken {
  requests: number;
  bytes: number;
  errors: Taken["errors"];
  /** Answers per second, until the last one. */
  takenPerSecond: number;
  /** In ms, of the slowest of a hundred. */
  p99Ms: number;
  p99MsOf: Record<string, number>;
}

/** An offer at half of the rate at which a server answers the mix where each connection asks again at once. */
export async function halfOfMost(server: Server, mix: Mix, isShort: boolean): Promise<MixOffer> {
  const most = await mostOfMix(server, mix, isShort ? 1 : 10);
  return {
    mix,
    ratePerSecond: most / 2,
    ...(isShort ? { seconds: 1, settleSeconds: 0.3 } : { seconds: 20, settleSeconds: 2 }),
  };
}

async function mostOfMix({ name, url }: Server, mix: Mix, seconds: number): Promise<number> {
  const { targets, order } = mix;
  const taken = await makeLoad("offer", {
    url,
    targets,
    order,
    connections: mixConnections,
    seconds,
    settleSeconds: 0,
  });
  if (taken.errors.count > 0) throw new Error(`${name}: ${taken.errors.words.join("; ")}`);
  return taken.requests / taken.seconds;
}

/**
 * Offers the mix at a fixed rate. Manifests and blobs come from a process each, so that the time that it takes a client to read
 * a large blob is not taken for the time that a manifest has waited.
 */
export async function offerMix(
  url: string,
  { mix, ratePerSecond, isManifestsOnly, ...times }: MixOffer,
): Promise<MixTaken> {
  const isManifest = ({ kind }: { kind: string }): boolean => kind === "manifests";
  const parts = [onlyOf(mix, isManifest), ...(isManifestsOnly ? [] : [onlyOf(mix, (target) => !isManifest(target))])];
  const all = await Promise.all(
    parts.map(({ targets, order }) => {
      const share = order.length / mix.order.length;
      const connections = Math.round(mixConnections * share);
      return makeLoad("offer", { url, targets, order, connections, ratePerSecond: ratePerSecond * share, ...times });
    }),
  );
  return sumUp(all);
}

function sumUp(all: readonly Taken[]): MixTaken {
  const kinds = Object.entries(mergedLatencies(all)).filter(([, latencies]) => latencies.length > 0);
  const requests = all.reduce((sum, taken) => sum + taken.requests, 0);
  return {
    requests,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    errors: {
      count: all.reduce((sum, { errors }) => sum + errors.count, 0),
      words: all.flatMap(({ errors }) => errors.words),
    },
    takenPerSecond: requests / Math.max(...all.map(({ seconds }) => seconds)),
    p99Ms: quantile(
      kinds.flatMap(([, latencies]) => latencies),
      0.99,
    ),
    p99MsOf: Object.fromEntries(kinds.map(([kind, latencies]) => [kind, quantile(latencies, 0.99)])),
  };
}

function mergedLatencies(all: readonly Taken[]): Record<string, number[]> {
  const merged: Record<string, number[]> = {};
  for (const { latenciesMs } of all) {
    for (const [kind, latencies] of Object.entries(latenciesMs)) merged[kind] = [...(merged[kind] ?? []), ...latencies];
  }
  return merged;
}
