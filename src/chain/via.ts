/** How an instance calls itself in `Via` (RFC 9110 section 7.6.3): the same for as long as it has its data directory. */
export type Pseudonym = string;

/** More caches in a row than this are a mistake. */
export const maxCaches = 8;

const pseudonymPattern = /^entrepot-[0-9a-f]{16}$/;

/** The pseudonym of the instance with this id, 16 hex digits. */
export function pseudonymOf(instanceId: string): Pseudonym {
  return `entrepot-${instanceId}`;
}

/**
 * The caches of our kind that a request has come through, the one next to the client first. Nothing else of the field is read: what a
 * client writes there must not go further. One more than `maxCaches` at the most.
 */
export function parseVia(value: string | undefined): readonly Pseudonym[] {
  return (value ?? "")
    .split(",")
    .flatMap((member) => member.trim().split(/\s+/)[1] ?? [])
    .filter((name) => pseudonymPattern.test(name))
    .slice(0, maxCaches + 1);
}

/** `1.1 entrepot-…, 1.1 entrepot-…` */
export function formatVia(pseudonyms: readonly Pseudonym[]): string {
  return pseudonyms.map((name) => `1.1 ${name}`).join(", ");
}
