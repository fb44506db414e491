import type { ClientFamily } from "../../telemetry/index.ts";
import { findingsOf, type Finding } from "../finding.ts";
import type { Pinned } from "./budget.ts";
import { lastRequestOf, parseReadings, valueOf, type Readings } from "./readings.ts";

/** What a GET at the admin listener of the instance was answered. */
export interface InstanceAnswer {
  status: number;
  body: string;
  /** The Date field. */
  date: string | undefined;
}

/** The instance that is asked about; `get` resolves to undefined where none answers. */
export interface InstancePort {
  /** For people: `http://127.0.0.1:5001`. */
  name: string;
  get(path: string): Promise<InstanceAnswer | undefined>;
}

export interface RunningInstance {
  findings: Finding[];
  readings: Readings;
  pinned: Pinned | undefined;
  /** An image that is stored, with its digest. */
  stored: { image: string; digest: string } | undefined;
  aheadMs: number | undefined;
}

/** Those that can be told apart; the doctor itself is among the others. */
const families: readonly ClientFamily[] = ["containerd", "docker", "podman", "skopeo", "buildah", "crio", "buildkit"];
const { ok, warning, failed } = findingsOf("instance");

/** @returns undefined, with what to do, where no instance answers */
export async function examineInstance(
  port: InstancePort,
  { version, now }: { version: string; now: () => number },
): Promise<RunningInstance | Finding> {
  const askedAt = now();
  const metrics = await port.get("/metrics");
  const readings = metrics?.status === 200 ? parseReadings(metrics.body) : undefined;
  if (!metrics || !readings || readings.size === 0) {
    const says = metrics
      ? `${port.name} answers, but is not entrepot's admin listener`
      : `none answers at ${port.name}`;
    return warning("running", says, "start it with `entrepot serve`, or say where it is with --admin URL");
  }
  const date = Date.parse(metrics.date ?? "");
  const stats = parseObject(await port.get("/api/v1/stats"));
  const findings = [
    versionFinding(port.name, stats["version"], version),
    await readinessFinding(port),
    storeFinding(readings),
    ...breakerFindings(readings),
    usedFinding(readings, stats["uptimeSeconds"], now()),
  ];
  return {
    findings,
    readings,
    pinned: pinnedOf(parseObject(await port.get("/api/v1/images?pinned=true&limit=1000"))),
    stored: storedOf(parseObject(await port.get("/api/v1/images?sort=lastPulledAt&order=desc&limit=1"))),
    aheadMs: Number.isNaN(date) ? undefined : date + 500 - (askedAt + now()) / 2,
  };
}

function versionFinding(name: string, running: unknown, own: string): Finding {
  if (typeof running !== "string") return warning("running", `${name} does not tell its version`, "give --token-file");
  if (running === own) return ok("running", `version ${running} at ${name}`);
  return warning("running", `version ${running} at ${name}, and this is ${own}`, "restart it after an update");
}

async function readinessFinding(port: InstancePort): Promise<Finding> {
  const answer = await port.get("/readyz");
  if (answer?.status === 200) return ok("readiness", "ready");
  const { reasons } = parseObject(answer);
  const why = Array.isArray(reasons) && reasons.length > 0 ? reasons.join("; ") : "it does not say why";
  return failed("readiness", `not ready: ${why}`);
}

function storeFinding(readings: Readings): Finding {
  if (valueOf(readings, "store_passthrough") !== 1) return ok("store", "what is pulled is stored");
  return failed("store", "is set aside: pulls pass through, nothing is stored", "see its log, and the disk's");
}

function breakerFindings(readings: Readings): Finding[] {
  const open = (readings.get("upstream_breaker_open") ?? []).filter(({ value }) => value === 1);
  return open.map(({ labels }) => {
    const host = labels.get("endpoint") ?? "a host";
    return warning(
      "breaker",
      `${host} of ${labels.get("upstream") ?? "an upstream"} kept failing and is left alone for now`,
    );
  });
}

/** The alarm for what goes past: a client that is configured and has never been seen. */
function usedFinding(readings: Readings, uptimeSeconds: unknown, now: number): Finding {
  const seen = families.flatMap((family) => {
    const at = lastRequestOf(readings, family) ?? 0;
    return at === 0 ? [] : [`${family} ${Math.max(0, Math.round(now / 1000 - at))} s ago`];
  });
  if (seen.length > 0) return ok("last requests", seen.join(", "));
  const since = typeof uptimeSeconds === "number" ? ` ${Math.round(uptimeSeconds)} s ago` : "";
  return warning(
    "last requests",
    `none of a client that is known since the start${since}`,
    "entrepot doctor --client NAME says whether its pulls come through",
  );
}

function pinnedOf({ items }: Record<string, unknown>): Pinned | undefined {
  if (!Array.isArray(items)) return undefined;
  const byDigest = new Map(
    items.map((item: { digest?: unknown; bytes?: unknown }) => [item.digest, Number(item.bytes)]),
  );
  return { images: items.length, bytes: [...byDigest.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

function storedOf({ items }: Record<string, unknown>): RunningInstance["stored"] {
  const [first] = Array.isArray(items) ? (items as { image?: unknown; digest?: unknown }[]) : [];
  if (typeof first?.image !== "string" || typeof first.digest !== "string") return undefined;
  return { image: first.image, digest: first.digest };
}

function parseObject(answer: InstanceAnswer | undefined): Record<string, unknown> {
  try {
    const document: unknown = JSON.parse(answer?.body ?? "{}");
    return typeof document === "object" && document !== null ? (document as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
