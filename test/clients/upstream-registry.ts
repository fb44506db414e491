// Debian's docker-registry as the upstream: a real registry, with nothing of ours in it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary, freePort, until, type ChildProcesses } from "./child-processes.ts";

export interface UpstreamRegistry {
  readonly port: number;
  readonly logFile: string;
}

export async function startUpstreamRegistry(processes: ChildProcesses, directory: string): Promise<UpstreamRegistry> {
  const port = await freePort();
  const configuration = join(directory, "registry.yml");
  const logFile = join(directory, "docker-registry.log");
  const settings = {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(directory, "registry") } },
    http: { addr: `127.0.0.1:${port}` },
  };
  writeFileSync(configuration, JSON.stringify(settings));
  const daemon = processes.start(binary("docker-registry"), ["serve", configuration], { logFile });
  await until("docker-registry", 15_000, async () => {
    if (!daemon.isRunning()) throw new Error("docker-registry ended at its start");
    return (await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined))?.status === 200;
  });
  return { port, logFile };
}
