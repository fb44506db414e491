import type { ConfigFault } from "./errors.ts";
import type { LimitsDocument, TagPatternDocument, TagsDocument } from "./schema.ts";
import type { LimitSettings, TagPatternSettings, TagSettings } from "./settings.ts";

const day = 86_400_000;

/** The global tags and limits, or those of one upstream where `over` says what it sets itself. */
export interface Policies {
  tags: TagSettings;
  tagPatterns: TagPatternSettings[];
  limits: LimitSettings;
}

export interface PoliciesDocument {
  tags?: TagsDocument | undefined;
  limits?: LimitsDocument | undefined;
}

/** Keys that stand together in the document, at `path`. */
export interface PolicyLayer {
  /** With a dot at its end; empty for the global one. */
  path: string;
  document: PoliciesDocument;
}

/**
 * Settings of tags and limits from layers, the strongest first: what a stronger layer says wins, and within a layer its
 * patterns win over its plain keys. Of all patterns only the first that matches a tag counts.
 * A default that would not fit into `answerWithin` is shortened to it; one that was written and does not fit is a fault.
 */
export function resolvePolicies(layers: readonly PolicyLayer[]): { policies: Policies; faults: ConfigFault[] } {
  const path = layers[0]?.path ?? "";
  const tags = overlay(layers.map(({ document }) => document.tags));
  const limits = overlay(layers.map(({ document }) => document.limits));
  const answerWithinMs = limits.answerWithin ?? 20_000;
  const faults: ConfigFault[] = [];
  const check = (place: string, name: string, value: number | undefined): void => {
    if (value === undefined || value <= answerWithinMs) return;
    const limit = `${place.startsWith(path) ? "" : path}limits.answerWithin`;
    faults.push({ path: `${place}${name}`, message: `must not be longer than ${limit} (${answerWithinMs} ms)` });
  };
  check(path, "limits.headerTimeout", limits.headerTimeout);
  check(path, "tags.staleAfter", tags.staleAfter);
  const tagPatterns = patternsOf(layers).map(({ place, match, own, policy }): TagPatternSettings => {
    check(place, ".staleAfter", own.staleAfter);
    if (match === undefined) faults.push({ path: place, message: "has no match" });
    return { match: match ?? "*", ...tagSettings(policy, answerWithinMs) };
  });
  const policies = {
    tags: tagSettings(tags, answerWithinMs),
    tagPatterns,
    limits: limitSettings(limits, answerWithinMs),
  };
  return { policies, faults };
}

/** Each pattern with what holds for its tags; a plain key of a stronger layer than its own holds for them too. */
function patternsOf(layers: readonly PolicyLayer[]) {
  const plain = layers.map(({ document }) => document.tags);
  return layers.flatMap(({ path, document }, layer) =>
    (document.tags?.patterns ?? []).map(({ match, ...own }: TagPatternDocument, index) => ({
      place: `${path}tags.patterns[${index}]`,
      match,
      own,
      policy: overlay<TagsDocument>(plain.toSpliced(layer, 0, own)),
    })),
  );
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
    cooldownMs: tags.cooldown ?? 0,
    cooldownMode: tags.cooldownMode ?? "enforce",
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
