import type { ConfigFault } from "./errors.ts";
import type { LimitsDocument, TagsDocument } from "./schema.ts";
import type { LimitSettings, TagSettings } from "./settings.ts";

const day = 86_400_000;

/** The global tags and limits, or those of one upstream where `over` says what it sets itself. */
export interface Policies {
  tags: TagSettings;
  limits: LimitSettings;
}

export interface PoliciesDocument {
  tags?: TagsDocument | undefined;
  limits?: LimitsDocument | undefined;
}

/**
 * Settings of tags and limits from layers, the strongest first.
 * A default that would not fit into `answerWithin` is shortened to it; one that was written and does not fit is a fault.
 */
export function resolvePolicies(
  layers: readonly PoliciesDocument[],
  path: string,
): { policies: Policies; faults: ConfigFault[] } {
  const tags = overlay(layers.map((layer) => layer.tags));
  const limits = overlay(layers.map((layer) => layer.limits));
  const answerWithinMs = limits.answerWithin ?? 20_000;
  const faults: ConfigFault[] = [];
  const check = (name: string, value: number | undefined): void => {
    if (value === undefined || value <= answerWithinMs) return;
    faults.push({
      path: `${path}${name}`,
      message: `must not be longer than limits.answerWithin (${answerWithinMs} ms)`,
    });
  };
  check("limits.headerTimeout", limits.headerTimeout);
  check("tags.staleAfter", tags.staleAfter);
  const policies = { tags: tagSettings(tags, answerWithinMs), limits: limitSettings(limits, answerWithinMs) };
  return { policies, faults };
}

function tagSettings(tags: TagsDocument, answerWithinMs: number): TagSettings {
  return {
    freshForMs: tags.freshFor ?? 60_000,
    staleForMs: tags.staleFor ?? 30 * day,
    staleAfterMs: tags.staleAfter ?? Math.min(2000, answerWithinMs),
    absentForMs: tags.absentFor ?? 10_000,
    onGone: tags.onGone ?? "drop",
    goneGraceMs: tags.goneGrace ?? 600_000,
    onDenied: tags.onDenied ?? "refuse",
  };
}

function limitSettings(limits: LimitsDocument, answerWithinMs: number): LimitSettings {
  return {
    answerWithinMs,
    headerTimeoutMs: limits.headerTimeout ?? Math.min(10_000, answerWithinMs),
    idleTimeoutMs: limits.idleTimeout ?? 20_000,
    connectTimeoutMs: limits.connectTimeout ?? 5000,
    attempts: limits.attempts ?? 6,
    maxBlobSizeBytes: limits.maxBlobSize ?? 100 * 1024 ** 3,
  };
}

/** One section out of several, the first that sets a key wins. */
function overlay<T extends object>(layers: readonly (T | undefined)[]): Partial<T> {
  const entries = layers.toReversed().flatMap((layer) => Object.entries(layer ?? {}));
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Partial<T>;
}
