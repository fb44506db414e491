// podman in right and wrong configurations: it reads registries.conf at each pull.
import { join } from "node:path";
import { binary, type ChildProcesses } from "../child-processes.ts";
import { hub } from "../entrepot-process.ts";
import type { FixtureImage } from "../fixture-manifests.ts";
import { Machine, type MachineFiles } from "./machine.ts";
import type { Configuration } from "./verdict.ts";

const directory = "/etc/containers";
const dropIn = `${directory}/registries.conf.d/50-cache.conf`;

interface Entry {
  prefix?: string;
  mirror: string;
  more?: string;
}

function entry({ prefix = hub, mirror, more = "insecure = true" }: Entry): string {
  return `[[registry]]\nprefix = "${prefix}"\nlocation = "${hub}"\n[[registry.mirror]]\nlocation = "${mirror}"\n${more}\n`;
}

function machineFiles(files: MachineFiles): MachineFiles {
  return {
    [`${directory}/policy.json`]: JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }),
    [`${directory}/registries.conf`]: `unqualified-search-registries = ["${hub}"]\n`,
    ...files,
  };
}

/** A drop-in of this text beside what every machine has. */
function written(text: (authority: string) => string): Configuration["files"] {
  return (authority) => machineFiles({ [dropIn]: text(authority) });
}

const right = (authority: string): string => entry({ mirror: `${authority}/${hub}` });

export const podmanConfigurations: readonly Configuration[] = [
  { what: "a mirror by path", comesThrough: true, files: written(right) },
  { what: "a mirror without a path", comesThrough: true, files: written((mirror) => entry({ mirror })) },
  { what: "no mirror", comesThrough: false, files: written(() => "") },
  {
    what: "a prefix that no image has",
    comesThrough: false,
    files: written((at) => entry({ prefix: "index.docker.io", mirror: `${at}/${hub}` })),
  },
  { what: "another registry's path", comesThrough: false, files: written((at) => entry({ mirror: `${at}/quay.io` })) },
  {
    what: "insecure missing",
    comesThrough: false,
    files: written((at) => entry({ mirror: `${at}/${hub}`, more: "" })),
  },
  { what: "a wrong port", comesThrough: false, files: written(() => entry({ mirror: `127.0.0.1:9/${hub}` })) },
  {
    what: "a scheme in the location",
    comesThrough: false,
    files: written((at) => entry({ mirror: `http://${at}/${hub}` })),
  },
  {
    what: "a mirror for digests only",
    comesThrough: false,
    files: written((at) =>
      entry({ mirror: `${at}/${hub}`, more: 'insecure = true\npull-from-mirror = "digest-only"' }),
    ),
  },
  {
    what: "a registry that is blocked, and its mirror not",
    comesThrough: true,
    files: written((at) => right(at).replace("[[registry.mirror]]", "blocked = true\n[[registry.mirror]]")),
  },
  { what: "a file that does not parse", comesThrough: false, files: written(() => "[[registry]\n") },
  {
    what: "a later drop-in that replaces the entry",
    comesThrough: false,
    files: (authority) =>
      machineFiles({
        [dropIn]: right(authority),
        [`${directory}/registries.conf.d/99-site.conf`]: `[[registry]]\nprefix = "${hub}"\nlocation = "${hub}"\n`,
      }),
  },
  {
    what: "an earlier drop-in that it replaces",
    comesThrough: true,
    files: (authority) =>
      machineFiles({
        [dropIn]: right(authority),
        [`${directory}/registries.conf.d/00-site.conf`]: `[[registry]]\nprefix = "${hub}"\nlocation = "${hub}"\n`,
      }),
  },
  {
    what: "the old form beside the new one",
    comesThrough: false,
    files: (authority) =>
      machineFiles({
        [`${directory}/registries.conf`]: `[registries.search]\nregistries = ["${hub}"]\n${right(authority)}`,
      }),
  },
  {
    what: "a narrower prefix that takes the image away",
    comesThrough: true,
    files: written((at) => `${right(at)}[[registry]]\nprefix = "${hub}/other"\nlocation = "${hub}/other"\n`),
  },
];

export function podmanScene(processes: ChildProcesses, scratch: string, image: FixtureImage) {
  const machine = new Machine(join(scratch, "podman-machine"), directory);
  const state = join(scratch, "podman");
  const own = ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(state, name)]);
  const driver = ["--storage-driver", "vfs", "--events-backend", "none", "--cgroup-manager", "cgroupfs"];
  const podman = (args: readonly string[]): Promise<string> => {
    const [program, words] = machine.command(binary("podman"), [...own, ...driver, ...args]);
    return processes.run(program, words, { env: { XDG_RUNTIME_DIR: scratch }, timeoutMs: 90_000 });
  };
  return {
    machine,
    async pull() {
      await podman(["pull", "--quiet", `${hub}/${image.repository}:${image.tag}`]);
      await podman(["rmi", "--all", "--force"]);
    },
  };
}
