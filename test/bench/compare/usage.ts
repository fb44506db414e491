import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

/** What the kernel counts in on every Linux that Node runs on (USER_HZ, proc(5)). */
const ticksPerSecond = 100;

export interface Usage {
  cpuSeconds: number;
  peakRssMiB: number;
}

/** User and system time of all threads, in seconds, from the text of `/proc/PID/stat` (proc(5), fields 14 and 15). */
export function cpuSecondsIn(stat: string): number {
  // The second field is the command's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`no times in ${stat}`);
  return ticks / ticksPerSecond;
}

/** A size of `/proc/PID/status`, such as `VmHWM`, in MiB. */
export function mebibytesIn(status: string, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`no ${field} in the status of a process`);
  return Number(kibibytes) / 1024;
}

/**
 * Starts counting what processes use, their children with them: call the answer for the CPU time since, and the most
 * resident memory since (the sum of each process's own). A process that begins or ends meanwhile is not seen.
 */
export function watchUsage(...pids: number[]): () => Usage {
  const processes = pids.flatMap(withDescendants);
  // 5: the peak begins anew (proc(5), clear_refs).
  for (const pid of processes) writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const before = cpuSecondsOf(processes);
  return () => ({
    cpuSeconds: cpuSecondsOf(processes) - before,
    peakRssMiB: sum(processes.map((pid) => mebibytesIn(readFileSync(`/proc/${pid}/status`, "utf8"), "VmHWM"))),
  });
}

function cpuSecondsOf(pids: readonly number[]): number {
  return sum(pids.map((pid) => cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, "utf8"))));
}

function withDescendants(pid: number): number[] {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) throw new Error(`process ${pid} has ended`);
  const children = readdirSync(tasks).flatMap((task) =>
    readFileSync(`${tasks}/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withDescendants)];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
