/** What caches in a row tell each other in header fields: who they are, and what each of them did. Pure. */
export { parseHops, withHops, type Hops } from "./cache-status.ts";
export { formatVia, maxCaches, parseVia, pseudonymOf, type Pseudonym } from "./via.ts";
