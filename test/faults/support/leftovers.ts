import { execFileSync } from "node:child_process";
import { globSync, readdirSync, readFileSync, rmSync } from "node:fs";

/** Ends, unmounts, lets go and removes whatever a test has made in its directory: nothing, unless it ended in the middle. */
export function removeLeftovers(directory: string): void {
  for (const pid of processesOf(directory)) endIfThere(pid);
  for (const point of mountsBelow(directory).reverse()) execFileSync("umount", ["--lazy", point]);
  for (const device of devicesOf(directory)) execFileSync("losetup", ["--detach", device]);
  rmSync(directory, { recursive: true, force: true });
}

/** Instances whose configuration is in the directory. */
function processesOf(directory: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => environmentOf(pid).includes(`ENTREPOT_CONFIG=${directory}/`)).map(Number);
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // It ended while we looked.
  }
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function mountsBelow(directory: string): string[] {
  const output = execFileSync("findmnt", ["--list", "--noheadings", "--output", "TARGET"], { encoding: "utf8" });
  return output.split("\n").filter((point) => point.startsWith(`${directory}/`));
}

function devicesOf(directory: string): string[] {
  return globSync(`${directory}/*.img`).flatMap((image) => {
    const output = execFileSync("losetup", ["--noheadings", "--output", "NAME", "--associated", image], {
      encoding: "utf8",
    });
    return output.split("\n").filter((device) => device !== "");
  });
}
