/** What one server did in one round of a workload. */
export interface Measurement {
  /** In the workload's unit. */
  value: number;
  /** CPU time of the server's processes, user and system, in seconds. */
  cpuSeconds?: number;
  /** Bytes of bodies that left the server. */
  bytes?: number;
  /** Answers that left the server. */
  requests?: number;
  /** What the origin was asked meanwhile, and the bytes of bodies that it sent. */
  upstream?: { requests: number; bytes: number };
  peakRssMiB?: number;
  /** Further named figures, such as `{ "p99 ms": 3.2 }`. */
  extra?: Record<string, number>;
}

export interface EntrantResults {
  name: string;
  /** One per round. */
  samples: Measurement[];
}

/** All samples of one workload. */
export interface WorkloadResults {
  name: string;
  title?: string;
  group?: string;
  unit: string;
  isLessBetter?: boolean;
  entrants: EntrantResults[];
}

/** One server, or one way to do it, that a workload is measured on. */
export interface Entrant {
  name: string;
  /** @param round - 0 is the warm-up, which is not counted */
  measure(round: number): Promise<Measurement>;
}

/** What is asked of the medians: a ratio, or a figure, and its bound. */
export interface Goal {
  words: string;
  of(results: WorkloadResults): number;
  atLeast?: number;
  atMost?: number;
}

export interface Opening {
  /** Sizes and seconds are tiny: it is only shown that everything works. */
  isShort: boolean;
  /** Of its own, empty, removed afterwards. */
  directory: string;
  /** Which registry stands for the upstream; a workload may know only the first. */
  origin: "in-process" | "registry";
  /** Aborted: what was started has to be ended at once. */
  signal: AbortSignal;
}

export interface OpenWorkload {
  entrants: Entrant[];
  /** Ends every process that was started. */
  close(): Promise<void>;
}

/** One row of the comparison. */
export interface Workload {
  /** Short, for the command line. */
  name: string;
  /** What is asked, in words; without it the name says so. */
  title?: string;
  /** The plot that it is drawn in; without it one of its own. */
  group?: string;
  unit: string;
  /** Whether a small value is a good one, such as seconds. */
  isLessBetter?: boolean;
  goals: Goal[];
  /** Has everything running and warm. What it started is ended where it fails. */
  open(how: Opening): Promise<OpenWorkload>;
}
