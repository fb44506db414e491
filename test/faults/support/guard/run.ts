/**
 * Waits until the process that started it closes its input or is gone, however that came about, and then removes what it
 * has left of the directory named by the argument. A run that is killed calls no hook any more.
 */
import { removeLeftovers } from "../leftovers.ts";

const directory = process.argv[2] ?? "";

// What ends the run must not end this one.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.stdin.resume();
process.stdin.once("close", () => removeLeftovers(directory));
