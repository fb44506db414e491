import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, freePort } from "../../../clients/child-processes.ts";
import type { Server, Stage } from "../stage.ts";
import { answersAt } from "./answers.ts";

/** Debian's docker-registry as a pull-through cache, with no log of requests. */
export async function startDockerRegistry({ processes, origin, directoryFor }: Stage): Promise<Server> {
  const directory = directoryFor("docker-registry");
  const port = await freePort();
  const configuration = join(directory, "registry.yml");
  const settings = {
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, "storage") } },
    proxy: { remoteurl: origin.url },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(configuration, JSON.stringify(settings));
  const daemon = processes.start(binary("docker-registry"), ["serve", configuration], {
    logFile: join(directory, "docker-registry.log"),
  });
  const url = `http://127.0.0.1:${port}`;
  await answersAt(`${url}/v2/`, daemon, 200);
  return { name: "docker-registry", url, pids: [daemon.pid] };
}
