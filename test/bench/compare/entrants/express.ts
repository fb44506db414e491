import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../../clients/child-processes.ts";
import type { Server, Stage } from "../stage.ts";
import { answersAt } from "./answers.ts";

const program = join(import.meta.dirname, "express", "run.ts");

interface Route {
  paths: readonly string[];
  mediaType: string;
  body: Buffer;
}

/** A bare route of Express with its defaults, in a process of its own, on this Node. */
export async function startExpress({ processes, directoryFor }: Stage, route: Route): Promise<Server> {
  const directory = directoryFor("express");
  const port = await freePort();
  const bodyFile = join(directory, "body");
  writeFileSync(bodyFile, route.body);
  const daemon = processes.start(process.execPath, [program, String(port), route.mediaType, bodyFile, ...route.paths], {
    logFile: join(directory, "express.log"),
  });
  const url = `http://127.0.0.1:${port}`;
  await answersAt(`${url}${String(route.paths[0])}`, daemon, 200);
  return { name: "Express", url, pids: [daemon.pid] };
}
