// Debian's docker-registry as the upstream: a real registry, with nothing of ours in it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, freePort, until, type ChildProcesses } from "./child-processes.ts";

export interface UpstreamRegistry {
  readonly port: number;
  readonly logFile: string;
  /** Where it keeps what it holds. */
  readonly storage: string;
}

/** @param auth - As its configuration has it; without, it is open to anybody. */
export async function startUpstreamRegistry(
  processes: ChildProcesses,
  directory: string,
  auth?: object,
): Promise<UpstreamRegistry> {
  const port = await freePort();
  const configuration = join(directory, "registry.yml");
  const logFile = join(directory, "docker-registry.log");
  const storage = join(directory, "registry");
  const settings = {
    ...(auth && { auth }),
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(configuration, JSON.stringify(settings));
  const daemon = processes.start(binary("docker-registry"), ["serve", configuration], { logFile });
  await until("docker-registry", 15_000, async () => {
    if (!daemon.isRunning()) throw new Error("docker-registry ended at its start");
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    return answer?.status === (auth ? 401 : 200);
  });
  return { port, logFile, storage };
}
