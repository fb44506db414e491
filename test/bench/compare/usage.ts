import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

/** What the kernel counts in on every Linux that Node runs on (USER_HZ, proc(5)). */
const ticksPerSecond = 100;

export interface Usage {
  cpuSeconds: number;
  peakRssMiB: number;
}

/**
 * User and system time of all threads and of the children that have ended and been waited for, in seconds, from the text
 * of `/proc/PID/stat` (proc(5), fields 14 to 17).
 */
export function cpuSecondsIn(stat: string): number {
  // The second field is the command's name in brackets, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = sum([11, 12, 13, 14].map((at) => Number(fields[at])));
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
 * resident memory since (the sum of each process's own). The time of a child that ends meanwhile is then its parent's; its
 * memory is not counted.
 *
 * @throws Error where one of `pids` has ended.
 */
export function watchUsage(...pids: number[]): () => Usage {
  const processes = pids.flatMap(withDescendants);
  // 5: the peak begins anew (proc(5), clear_refs).
  for (const pid of processes) writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const before = cpuSecondsOf(processes);
  return () => {
    if (!pids.every(isThere)) throw new Error(`one of the processes ${pids.join(", ")} has ended`);
    const left = processes.filter(isThere);
    return {
      cpuSeconds: cpuSecondsOf(left) - before,
      peakRssMiB: sum(left.map((pid) => mebibytesIn(readFileSync(`/proc/${pid}/status`, "utf8"), "VmHWM"))),
    };
  };
}

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

function cpuSecondsOf(pids: readonly number[]): number {
  return sum(pids.map((pid) => cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, "utf8"))));
}

function withDescendants(pid: number): number[] {
  const tasks = `/proc/${pid}/task`;
  if (!isThere(pid)) throw new Error(`process ${pid} has ended`);
  const children = readdirSync(tasks).flatMap((task) =>
    readFileSync(`${tasks}/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(withDescendants)];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
