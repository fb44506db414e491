import { binary, type ChildProcesses } from "../../../clients/child-processes.ts";

/** What is downloaded, where to, and its size. */
export interface Download {
  url: string;
  file: string;
  bytes: number;
}

/**
 * Downloads by curl and has the file written to the disk. How long both took, in ms, without the time that it takes to start
 * curl; throws where the answer is not 200 with so many bytes.
 */
export async function pullToFile(processes: ChildProcesses, { url, file, bytes }: Download): Promise<number> {
  const told = ["-sS", "-w", "%{http_code} %{size_download} %{time_total}"];
  const output = await processes.run(binary("curl"), [...told, "-o", file, url], { timeoutMs: 600_000 });
  const [status, size, seconds] = output.split(" ").map(Number);
  if (status !== 200 || size !== bytes) throw new Error(`${url} was answered ${status} with ${size} bytes`);
  const syncing = performance.now();
  await processes.run(binary("sync"), [file]);
  return Number(seconds) * 1000 + performance.now() - syncing;
}
