import type { JobProgress } from "../admin/index.ts";

/** What `entrepot serve` was asked for. */
export interface ServeOptions {
  configFile: string | undefined;
  /** Values of flags by the dotted path of their key, as `loadSettings` takes them. */
  flags: Record<string, string>;
}

/** What checking every stored file has found. */
export interface Verification {
  blobs: number;
  bytes: number;
  /** What is not as it should be, in words for people. */
  findings: readonly { digest: string; problem: string }[];
}

export interface VerifyOptions {
  /** Aborted to stop it; it then rejects soon. */
  signal: AbortSignal;
  onProgress: (progress: JobProgress) => void;
}

/** Where a command writes what is not its answer: errors, and on a terminal how far it is. */
export interface ErrorOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  /** Width of the terminal. */
  columns?: number;
}

/** What the commands need from the process; `serve` and `verifyOffline` are the application, which is above this room. */
export interface CliContext {
  /** Resolves when the server has stopped. */
  serve: (options: ServeOptions) => Promise<void>;
  /**
   * Verifies a data directory that no running instance has.
   * @throws DataDirectoryError `in-use` where one has it.
   */
  verifyOffline: (directory: string, options: VerifyOptions) => Promise<Verification>;
  /** Calls `listener` on the first Ctrl-C instead of ending the process; the function that is returned takes that back. */
  onInterrupt: (listener: () => void) => () => void;
  stdout: { write(text: string): unknown; isTTY?: boolean };
  stderr: ErrorOutput;
  environment: NodeJS.ProcessEnv;
}
