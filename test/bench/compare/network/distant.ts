import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { endProcess } from "../../spawn-as-start.ts";

/** How far away the origin is. */
export interface Distance {
  /** On loopback. */
  targetPort: number;
  /** Half of it each way; opening a connection takes one. */
  roundTripMs: number;
  /** Of one connection, each way. There is no slow start. */
  bytesPerSecond: number;
}

export interface Distant {
  /** The origin, as it looks from here. */
  url: string;
  close(): Promise<void>;
}

/** Starts a TCP proxy in a process of its own that makes the origin distant. */
export async function startDistant(distance: Distance): Promise<Distant> {
  const script = fileURLToPath(new URL("./run.ts", import.meta.url));
  const child = fork(script, [JSON.stringify(distance)], { execArgv: [] });
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the proxy has ended at its start")));
  ended.catch(() => undefined);
  const [port] = (await Promise.race([once(child, "message"), ended])) as [number];
  return { url: `http://127.0.0.1:${port}`, close: () => endProcess(child, "SIGKILL") };
}
