import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";

export interface SettingsFile {
  /** Where the file is written. */
  home: string;
  dataDir: string;
  /** 0: one that is free. */
  port: number;
  /** By default, nothing is scrubbed. */
  scrubEvery?: string;
}

/** Nobody listens there. */
const noUpstream = "http://127.0.0.1:9";

/** Writes a configuration under which all of the store may stay, and whose upstream cannot be reached; its path. */
export async function writeSettings({ home, dataDir, port, scrubEvery = "0s" }: SettingsFile): Promise<string> {
  const file = join(home, "entrepot.yaml");
  const settings = {
    listen: `127.0.0.1:${port}`,
    admin: { listen: "127.0.0.1:0" },
    dataDir,
    storage: { maxSize: "1TiB", minFree: "1MiB" },
    scrub: { every: scrubEvery },
    upstreams: { "docker.io": { endpoints: [noUpstream] } },
  };
  await writeFile(file, stringify(settings));
  return file;
}
