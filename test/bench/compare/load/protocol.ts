/** One request that is made again and again. */
export interface Target {
  method: "GET" | "HEAD";
  path: string;
  /** What the body must have. */
  bytes: number;
  /** Latencies are told for each kind. */
  kind: string;
}

/** Requests one after the other over a number of connections, for a while. */
export interface Offer {
  url: string;
  targets: readonly Target[];
  /** Places in `targets`, from the first to the last and then again. */
  order: readonly number[];
  connections: number;
  seconds: number;
  /** At the beginning, for connections to open and code to be compiled: latencies are told of what is asked for later. */
  settleSeconds: number;
  /** All connections together; undefined: each asks as soon as it has been answered. */
  ratePerSecond?: number;
}

/** What became of an offer. */
export interface Taken {
  /** From the first request to the last answer. */
  seconds: number;
  /** Right answers. */
  requests: number;
  /** Of bodies. */
  bytes: number;
  /**
   * Per kind, to the last byte, in ms. Where a rate is kept, counted from when the request was due, also where all
   * connections were busy then.
   */
  latenciesMs: Record<string, number[]>;
  /** What was answered otherwise than it had to be, or not at all; the first few in words. */
  errors: { count: number; words: string[] };
}

/** One blob, asked for by several clients at once. */
export interface Rush {
  url: string;
  path: string;
  clients: number;
  /** Whether the digests are wanted. */
  isHashed: boolean;
}

/** One client's pull; times in ms since all have asked. */
export interface Pulled {
  status: number;
  bytes: number;
  digest: string | undefined;
  firstByteMs: number;
  /** Wall clock, milliseconds and parts of them. */
  firstByteAt: number;
  totalMs: number;
}

/** Clients that read a little and then wait, until the process is ended. */
export interface Dawdle {
  url: string;
  /** Each client takes the next one. */
  paths: readonly string[];
  clients: number;
  bytesPerTick: number;
  tickMs: number;
}

/** What a process that makes load is asked, and what it answers. */
export interface Loads {
  offer: { ask: Offer; answer: Taken };
  rush: { ask: Rush; answer: Pulled[] };
  /** Answers once all read; asked again, what each has taken so far. */
  dawdle: { ask: Dawdle | "taken"; answer: number[] };
}
