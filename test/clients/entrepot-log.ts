// What entrepot wrote in its log during the whole run: which clients it recognised, and that nothing was an error.
import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Client } from "./client.ts";
import type { Stage } from "./stage.ts";

interface LogLine {
  level: string;
  msg?: string;
  client?: string;
}

/** The names of the metric label `client` (SURFACE: containerd | docker | podman | skopeo | …). */
const labelOf: Readonly<Record<string, string>> = { dockerd: "docker" };

export function verifyLog(stage: Stage, clients: readonly Client[]): void {
  const lines = readFileSync(stage.cache.logFile, "utf8").trimEnd().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as LogLine);
  const errors = lines.filter((_, index) => ["error", "fatal"].includes(entries[index]?.level ?? ""));
  deepEqual(errors, [], "errors in the log");
  const recognised = new Set(entries.map((entry) => entry.client));
  const missing = clients.map(({ name }) => labelOf[name] ?? name).filter((label) => !recognised.has(label));
  deepEqual(missing, [], "clients that were not recognised");
}
