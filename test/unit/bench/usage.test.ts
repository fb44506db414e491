import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { cpuSecondsIn, mebibytesIn, watchUsage } from "../../bench/compare/usage.ts";

/** A shell with a program of Node as its child. */
function runIn(script: string, program: string): ChildProcessByStdio<Writable, Readable, null> {
  return spawn("sh", ["-c", script], {
    env: { ...process.env, NODE: process.execPath, PROGRAM: program },
    stdio: ["pipe", "pipe", "inherit"],
  });
}

describe("the use of a process", () => {
  it("has user and system time in seconds, that of children that have ended too, whatever the command is called", () => {
    const rest = "S 1 1 1 0 -1 4194560 100 0 0 0 150 50 80 20 20 0 11 0 100 1000 100";
    expect(cpuSecondsIn(`77 (a b) (c) ${rest}`)).toBe(3);
  });

  it("throws where there are no times", () => {
    expect(() => cpuSecondsIn("77 (node) S 1")).toThrow("no times");
  });

  it("has its sizes in MiB", () => {
    expect(mebibytesIn("VmPeak:\t  999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n", "VmHWM")).toBe(2);
    expect(() => mebibytesIn("State: Z (zombie)", "VmHWM")).toThrow("no VmHWM");
  });

  it("counts a child that ends meanwhile", async () => {
    const program = `const end = process.cpuUsage().user + 300_000; process.stdin.once("data", () => {
      while (process.cpuUsage().user < end);
      process.exit();
    }); console.log("ready");`;
    const shell = runIn(`"$NODE" -e "$PROGRAM"; echo ended; read line`, program);
    await once(shell.stdout, "data");
    const usage = watchUsage(Number(shell.pid));
    shell.stdin.write("go\n");
    await once(shell.stdout, "data");
    const { cpuSeconds } = usage();
    shell.stdin.end();
    await once(shell, "exit");
    expect(cpuSeconds).toBeGreaterThanOrEqual(0.25);
    expect(() => usage()).toThrow("has ended");
  });

  it("counts what it did since the watch began, and what its children did", async () => {
    const work = "const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end);";
    const program = `process.stdin.once("data", () => { ${work} console.log("done"); }); console.log("ready");`;
    const child = runIn(`"$NODE" -e "$PROGRAM"; true`, program);
    await once(child.stdout, "data");
    const usage = watchUsage(Number(child.pid));
    child.stdin.write("go\n");
    await once(child.stdout, "data");
    const { cpuSeconds, peakRssMiB } = usage();
    child.stdin.end();
    await once(child, "exit");
    expect(cpuSeconds).toBeGreaterThanOrEqual(0.25);
    expect(peakRssMiB).toBeGreaterThan(20);
  });

  it("cannot be watched where it has ended", () => {
    expect(() => watchUsage(2 ** 22 + 1)).toThrow("has ended");
  });
});
