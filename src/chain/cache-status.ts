import { maxCaches } from "./via.ts";

/** What the caches of our kind between a registry and us say of an answer (RFC 9211). */
export interface Hops {
  /** Their members of Cache-Status as they came, the one next to the registry first. */
  text: string;
  /** `detail` of the one next to us: why the answer is not the registry's latest, or the code of an error. */
  detail: string | undefined;
}

/** One member: our name with parameters in the forms that we write. */
const memberPattern = /^entrepot(?:;[ ]?[a-z][a-z-]*(?:=-?[A-Za-z0-9_.-]{1,64})?){0,8}$/;

/** Undefined where the answer did not come from a cache of our kind. Members in any other form are left out. */
export function parseHops(value: string | undefined): Hops | undefined {
  const members = (value ?? "").split(",").map((member) => member.trim());
  const ours = members.filter((member) => memberPattern.test(member)).slice(-maxCaches);
  const nearest = ours.at(-1);
  if (nearest === undefined) return undefined;
  return { text: ours.join(", "), detail: /; ?detail=([^;]+)/.exec(nearest)?.[1] };
}

/** The field with our own member behind those of the caches that the answer came through. */
export function withHops(hops: string | undefined, own: string): string {
  return hops === undefined ? own : `${hops}, ${own}`;
}
