// dockerd in right and wrong configurations, each with a daemon of its own: it reads daemon.json at its start.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startDockerd } from "../dockerd.ts";
import type { FixtureImage } from "../fixture-manifests.ts";
import type { ChildProcesses } from "../child-processes.ts";
import { Machine } from "./machine.ts";
import type { Configuration } from "./verdict.ts";

const file = "/etc/docker/daemon.json";

function mirror(url: (authority: string) => string): Configuration["files"] {
  return (authority) => ({ [file]: JSON.stringify({ "registry-mirrors": [url(authority)] }) });
}

export const dockerMirror: Configuration = {
  what: "entrepot as its mirror",
  comesThrough: true,
  files: mirror((authority) => `http://${authority}`),
};

export const dockerConfigurations: readonly Configuration[] = [
  dockerMirror,
  { what: "a trailing slash", comesThrough: true, files: mirror((authority) => `http://${authority}/`) },
  { what: "no daemon.json", comesThrough: false, files: () => ({}) },
  { what: "no mirror", comesThrough: false, files: () => ({ [file]: "{}" }) },
  { what: "a wrong port", comesThrough: false, files: mirror(() => "http://127.0.0.1:9") },
  { what: "https for plain http", comesThrough: false, files: mirror((authority) => `https://${authority}`) },
  { what: "a path in the mirror", comesThrough: false, files: mirror((authority) => `http://${authority}/docker.io`) },
  { what: "a mirror without a scheme", comesThrough: false, files: mirror((authority) => authority) },
  {
    what: "broken JSON",
    comesThrough: false,
    files: (authority) => ({ [file]: `{"registry-mirrors": ["http://${authority}"` }),
  },
  { what: "an empty daemon.json", comesThrough: false, files: () => ({ [file]: "" }) },
];

interface DockerScene {
  readonly machine: Machine;
  readonly pull: () => Promise<void>;
}

export function dockerScene(processes: ChildProcesses, directory: string, image: FixtureImage): DockerScene {
  const machine = new Machine(join(directory, "docker-machine"), "/etc/docker");
  let count = 0;
  return {
    machine,
    async pull() {
      count += 1;
      // Short, for the socket's sake.
      const own = join(directory, `d${count}`);
      mkdirSync(own);
      const dockerd = await startDockerd({ processes, directory: own, cachePort: 0 }, { machine });
      try {
        await dockerd.pull(image);
      } finally {
        await dockerd.stop();
      }
    },
  };
}
