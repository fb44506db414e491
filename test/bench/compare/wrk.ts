import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, type ChildProcesses } from "../../clients/child-processes.ts";

export interface Load {
  /** Asked for in turn, at the server's URL. */
  paths: readonly string[];
  connections: number;
  seconds: number;
  headers?: Record<string, string>;
}

/** What wrk saw; all in all, not per connection. */
export interface WrkFigures {
  requests: number;
  /** Headers too, and what had come of the last answers when the time was over. */
  bytes: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

type Summary = Record<"requests" | "bytes" | "duration" | "p50" | "p99", number> & { errors: Record<string, number> };

/** At the end of a script for wrk: prints what `parseWrk` reads. Microseconds, as wrk has them. */
const wrkSummary = `
function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    'summary {"requests":%d,"bytes":%d,"duration":%d,"p50":%d,"p99":%d,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
`;

/** Loads a server with wrk, in one thread; throws where an answer was not 2xx, or a connection failed. */
export async function runWrk(
  processes: ChildProcesses,
  directory: string,
  url: string,
  { paths, connections, seconds, headers = {} }: Load,
): Promise<WrkFigures> {
  const script = join(directory, "load.lua");
  writeFileSync(script, paths.length > 1 ? asksInTurn(paths) + wrkSummary : wrkSummary);
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "120s", "--latency", "-s", script];
  const named = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const output = await processes.run(binary("wrk"), [...args, ...named, `${url}${paths[0] ?? "/"}`], {
    timeoutMs: (seconds + 150) * 1000,
  });
  return parseWrk(output);
}

/** The line of `wrkSummary` among what wrk printed; throws where anything failed. */
export function parseWrk(output: string): WrkFigures {
  const line = /^summary (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk printed no summary:\n${output}`);
  const summary = JSON.parse(line) as Summary;
  const failed = Object.entries(summary.errors).filter(([, count]) => count > 0);
  if (failed.length > 0) throw new Error(`wrk saw ${failed.map((each) => each.join(" errors: ")).join(", ")}`);
  const { requests, bytes, duration, p50, p99 } = summary;
  return { requests, bytes, seconds: duration / 1e6, p50Ms: p50 / 1000, p99Ms: p99 / 1000 };
}

function asksInTurn(paths: readonly string[]): string {
  return `
local requests, turn = {}, 0
function init()
  for path in string.gmatch([[${paths.join(" ")}]], "%S+") do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
`;
}
