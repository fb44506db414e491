/** Locks a data directory, says so, and stays. Killed by the test that started it. */
import { lockDataDirectory } from "../../../../src/metadata/index.ts";

lockDataDirectory(process.argv[2] ?? "");
process.stdout.write("locked\n");
setInterval(() => undefined, 60_000);
