/** The thread that compares passwords with bcrypt hashes. Started by password-thread.ts. */
import { compareSync } from "bcryptjs";
import { parentPort } from "node:worker_threads";
import type { Comparison, Compared } from "./password-thread.ts";

parentPort?.on("message", ({ id, password, hash }: Comparison) => {
  const compared: Compared = { id, isRight: compareSync(password, hash) };
  parentPort?.postMessage(compared);
});
