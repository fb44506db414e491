import { fork } from "node:child_process";
import { once } from "node:events";

export interface IndexQuestion {
  upstream: string;
  repository: string;
  digest: string;
  tag?: string | undefined;
}

/** The rows about one digest in one repository; absent rows are undefined. */
export interface IndexReading {
  state: string | undefined;
  size: number | undefined;
  isMember: boolean;
  /** What the tag points at, and the digest it is known to have moved to. */
  tagged: string | undefined;
  pending: string | undefined;
}

export interface IndexReader {
  read(question: IndexQuestion): Promise<IndexReading>;
  close(): Promise<void>;
}

/** Reads the index of a running instance from another process. One question at a time. */
export async function openIndexReader(dataDirectory: string): Promise<IndexReader> {
  const script = new URL("./index-reader/run.ts", import.meta.url).pathname;
  const child = fork(script, [dataDirectory], { execArgv: [] });
  const exited = once(child, "exit");
  await Promise.race([once(child, "message"), exited.then(() => Promise.reject(new Error("no index to read")))]);
  return {
    async read(question) {
      const answered = once(child, "message");
      child.send(question);
      const [reading] = (await answered) as [IndexReading];
      return reading;
    },
    async close() {
      child.disconnect();
      await exited;
    },
  };
}
