/** Locks a data directory, says so, and stays. Killed by the test that started it. */
import { lockDataDirectory } from "../../../../src/metadata/index.ts";

const lock = lockDataDirectory(process.argv[2] ?? "");
process.stdout.write("locked\n");
// Whoever loses sight of a lock loses it, with the next garbage collection.
setInterval(() => lock, 60_000);
