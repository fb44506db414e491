import { platformMatches } from "../oci/index.ts";
import type { Missing, Readiness } from "./images.ts";
import type { PlatformFacts } from "./platforms.ts";

const maxMissing = 20;

/** What is known of one platform, as far as readiness needs it. */
export type PlatformFlags = Pick<PlatformFacts, "platform" | "isBegun" | "isComplete">;

/**
 * Whether an image is complete: for every platform that is wanted; or, where none is, for at least one and for all that have
 * been begun. An image that is in no index is taken for the platform that is wanted.
 */
export function isComplete(has: readonly PlatformFlags[], wanted: readonly string[] | undefined): boolean {
  if (!wanted) return has.some((one) => one.isComplete) && has.every((one) => one.isComplete || !one.isBegun);
  return wanted.every((platform) => {
    const offered = offeredFor(has, platform);
    return offered.length > 0 && offered.every((one) => one.isComplete);
  });
}

/** Whether an image is there for one of the platforms, be it here or not. */
export function offersOne(has: readonly PlatformFlags[], wanted: readonly string[]): boolean {
  return wanted.some((platform) => offeredFor(has, platform).length > 0);
}

/** @param obstacle - What keeps all of it from being served, in words. */
export function readinessOf(
  has: readonly PlatformFacts[],
  wanted: readonly string[] | undefined,
  obstacle: string | undefined,
): Readiness {
  const isReady = obstacle === undefined && isComplete(has, wanted);
  const concerned = wanted ? wanted.flatMap((platform) => offeredFor(has, platform)) : has.filter(isConcerned(has));
  return {
    isReady,
    platforms: obstacle === undefined ? has.filter((one) => one.isComplete).map(({ platform }) => platform) : [],
    missing: isReady ? [] : missingOf(concerned),
    why: isReady ? undefined : (obstacle ?? whyNot(has, concerned, wanted)),
  };
}

function offeredFor<T extends PlatformFlags>(has: readonly T[], wanted: string): T[] {
  return has.filter(({ platform }) => platform === undefined || platformMatches(wanted, platform));
}

/** Those that have been begun; all, where none has. */
function isConcerned(has: readonly PlatformFlags[]): (one: PlatformFlags) => boolean {
  const isAnyBegun = has.some(({ isBegun }) => isBegun);
  return ({ isBegun }) => isBegun || !isAnyBegun;
}

function missingOf(platforms: readonly PlatformFacts[]): Missing[] {
  return platforms
    .filter((one) => !one.isComplete)
    .flatMap(({ missing }) => missing)
    .slice(0, maxMissing);
}

function whyNot(
  has: readonly PlatformFacts[],
  concerned: readonly PlatformFacts[],
  wanted: readonly string[] | undefined,
): string {
  const lacking = wanted?.filter((platform) => offeredFor(has, platform).length === 0) ?? [];
  if (lacking.length > 0) return `its index names no image for ${lacking.join(", ")}`;
  if (has.length === 0) return "its index names no image";
  const denied = concerned.find((one) => one.denied !== undefined)?.denied;
  if (denied !== undefined) return `${denied} is denied here (denyDigests)`;
  if (!has.some(({ isBegun }) => isBegun)) return "no image of it has been pulled";
  const incomplete = concerned.filter((one) => !one.isComplete);
  if (incomplete.every(({ missing }) => missing.length === 0)) return "what its manifest needs is not known";
  const names = incomplete.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
  return names.length === 0 ? "parts of it are missing" : `parts are missing for ${[...new Set(names)].join(", ")}`;
}
