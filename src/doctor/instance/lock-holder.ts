import { readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";

/** The process that holds a lock on a file, as `1234 (node)`; undefined where the system does not tell. */
export function lockHolder(path: string): string | undefined {
  try {
    const { ino } = statSync(path);
    // `1: POSIX  ADVISORY  WRITE 1234 08:01:5678 1073741824 1073742335`
    const lines = readFileSync("/proc/locks", "latin1").split("\n");
    const fields = lines
      .map((line) => line.trim().split(/\s+/))
      .find(([, , , , , file]) => file?.endsWith(`:${ino}`) === true);
    const pid = Number(fields?.[4]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return `${pid} (${basename(readlinkSync(`/proc/${pid}/exe`))})`;
  } catch {
    return undefined; // No /proc, or the process has just ended.
  }
}
