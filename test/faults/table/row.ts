import type { MisbehaviourRule, RequestKind, Temperament } from "../../upstream/index.ts";

/** One or more temperaments of one answer, and which answers they spoil; by default all that belong to the row. */
export interface Spoiled {
  temperament: Temperament | Temperament[];
  times?: number;
  skip?: number;
  method?: string;
  on?: RequestKind | "any";
  when?: NonNullable<MisbehaviourRule["when"]>;
}

/** What an upstream does to connections: refuses, resets or ignores them before any request. */
export type ConnectionFault = "refused" | "reset" | "silent";

/** `limits.attempts` of the bench. */
export const attempts = 3;

/** One line of the fault table. Its title completes "when the upstream …". */
export interface Row {
  upstream: string;
  fault: Spoiled[] | ConnectionFault;
  expected: Expected;
  /** Where the CDN answers like that instead of the registry: what differs, besides twice as many requests. */
  behindCdn?: Partial<Expected>;
  /** The answer is remembered for a while: the same request gets it again, and the upstream is not asked. */
  isRemembered?: boolean;
  /** How long the upstream is spared what it has just failed in: the fault must be over for so long before it is asked again. */
  sparedForMs?: number;
}

/** What must be true once the answer has ended and nothing is running any more. */
export interface Expected {
  status: number;
  /** Of the error body. */
  code?: string | undefined;
  /** `right`: all bytes; `short`: right bytes, but fewer than announced; `spoiled`: wrong ones, and fewer; `error`: none. */
  body: "right" | "short" | "spoiled" | "error";
  cacheStatus?: string | undefined;
  retryAfter?: string | undefined;
  /** `part`: not stored, but what came is kept for a minute for those who resume. */
  onDisk: "stored" | "part" | "nothing";
  inIndex: "present" | "known" | "none";
  /** To registry, CDN and token endpoint together. */
  upstreamRequests: number;
}

const filled = "entrepot; fwd=miss; stored";

/** The bytes come right and are kept. */
export function served(upstreamRequests: number): Expected {
  return {
    status: 200,
    body: "right",
    cacheStatus: filled,
    onDisk: "stored",
    inIndex: "present",
    upstreamRequests,
  };
}

/** A real status instead of bytes; nothing is kept. */
export function refused(
  status: number,
  code: string,
  upstreamRequests: number,
  extra: Partial<Expected> = {},
): Expected {
  return { status, code, body: "error", onDisk: "nothing", inIndex: "none", upstreamRequests, ...extra };
}

/** The header was out: the connection ends before the announced length. */
export function endedShort(upstreamRequests: number, extra: Partial<Expected> = {}): Expected {
  return {
    status: 200,
    body: "short",
    cacheStatus: filled,
    onDisk: "part",
    inIndex: "none",
    upstreamRequests,
    ...extra,
  };
}

/** The fault in all answers. */
export function always(...temperament: Temperament[]): Spoiled[] {
  return [{ temperament }];
}

/** The fault in the first answer only. */
export function once(...temperament: Temperament[]): Spoiled[] {
  return [{ temperament, times: 1 }];
}

/** One fault in the first answer, another in all that follow. */
export function onceThen(first: Temperament, later: Temperament): Spoiled[] {
  return [{ temperament: first, times: 1 }, { temperament: later }];
}

/** What is tried again has been asked for as often as the bench allows. */
export function givenUp(status: number, code: string, extra: Partial<Expected> = {}): Expected {
  return refused(status, code, attempts, extra);
}

/** The title of a row: a promise. */
export function promiseOf({ upstream, expected: { status, code, body } }: Row): string {
  const answer = {
    right: "comes whole",
    short: "ends short",
    spoiled: "ends short and is not kept",
    error: `is answered ${status} ${code ?? ""}`,
  }[body];
  return `${answer} when the upstream ${upstream}`;
}
