import type { Fill } from "../cache/index.ts";
import type { Digest } from "../oci/index.ts";
import { historyStepMs, type HistoryPoint } from "../telemetry/index.ts";
import type { Stats } from "./stats.ts";

/** More fills than this are not listed one by one. */
const maxFills = 100;

/** A fill that runs; `totalBytes` null as long as nobody has said. */
export interface FillDocument {
  digest: Digest;
  upstream: string;
  repository: string;
  bytes: number;
  totalBytes: number | null;
  readers: number;
  /** RFC 3339. */
  startedAt: string;
}

/** The body of `GET /api/v1/activity`: what is being pulled now, and increments per step of the last day. */
export interface ActivityDocument {
  /** At most 100, the oldest first. */
  fills: FillDocument[];
  /** The step that is not over yet is the last point. `at` is its begin in RFC 3339. */
  history: { stepSeconds: number; points: (Omit<HistoryPoint, "at"> & { at: string })[] };
}

/** The data of an `activity` of the event stream. */
export interface ActivityNow {
  stats: Stats;
  fills: FillDocument[];
}

/** What goes on, as the application knows it. */
export interface ActivitySource {
  fills: () => readonly Fill[];
  history: () => Promise<readonly HistoryPoint[]>;
}

export async function activityDocument({ fills, history }: ActivitySource): Promise<ActivityDocument> {
  const points = (await history()).map(({ at, ...counts }) => ({ at: formatTime(at), ...counts }));
  return { fills: fillDocuments(fills()), history: { stepSeconds: historyStepMs / 1000, points } };
}

export function fillDocuments(fills: readonly Fill[]): FillDocument[] {
  const oldest = [...fills].sort((one, other) => one.startedAt - other.startedAt).slice(0, maxFills);
  return oldest.map(({ digest, upstream, repository, bytes, totalBytes = null, readers, startedAt }) => {
    return { digest, upstream, repository, bytes, totalBytes, readers, startedAt: formatTime(startedAt) };
  });
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}
