// containerd as Kubernetes uses it, by its CRI plugin, in right and wrong configurations, each with a daemon of its own.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { binary, until, type ChildProcesses } from "../child-processes.ts";
import { hub } from "../entrepot-process.ts";
import type { FixtureImage } from "../fixture-manifests.ts";
import { openImageService } from "./image-service.ts";
import { Machine, type MachineFiles } from "./machine.ts";
import type { Configuration } from "./verdict.ts";

const file = "/etc/containerd/config.toml";
const root = "/etc/containerd/certs.d";
const cri = 'plugins."io.containerd.grpc.v1.cri"';

function config(registry: string): string {
  const plugin = `[${cri}]\n  sandbox_image = "registry.k8s.io/pause:3.6"\n  restrict_oom_score_adj = true\n`;
  return `version = 2\n${plugin}[${cri}.containerd]\n  snapshotter = "native"\n${registry}`;
}

const configPath = `[${cri}.registry]\n  config_path = "${root}"\n`;
const mirrors = (authority: string): string =>
  `[${cri}.registry.mirrors."docker.io"]\n  endpoint = ["http://${authority}"]\n`;

/** A right config.toml, and this directory of registries. */
function withHosts(hosts: (authority: string) => MachineFiles): Configuration["files"] {
  return (authority) => ({
    [file]: config(configPath),
    ...Object.fromEntries(Object.entries(hosts(authority)).map(([path, text]) => [`${root}/${path}`, text])),
  });
}

/** A right directory of registries, and this config.toml. */
function withConfig(text: (authority: string) => string): Configuration["files"] {
  return (authority) => ({ [file]: text(authority), [`${root}/_default/hosts.toml`]: host(`http://${authority}`) });
}

function host(url: string, more = 'capabilities = ["pull", "resolve"]'): string {
  return `[host."${url}"]\n  ${more}\n`;
}

const forAll = (text: (authority: string) => string): Configuration["files"] =>
  withHosts((authority) => ({ "_default/hosts.toml": text(authority) }));

export const containerdConfigurations: readonly Configuration[] = [
  { what: "_default", comesThrough: true, files: forAll((at) => host(`http://${at}`)) },
  {
    what: "a directory for the registry",
    comesThrough: true,
    files: withHosts((at) => ({
      "docker.io/hosts.toml": `server = "https://registry-1.docker.io"\n${host(`http://${at}`)}`,
    })),
  },
  {
    what: "entrepot as the server, and no other way",
    comesThrough: true,
    files: forAll((at) => `server = "http://${at}"\n${host(`http://${at}`)}`),
  },
  {
    what: "entrepot as the server alone",
    comesThrough: false,
    files: forAll((at) => `server = "http://${at}"\n`),
  },
  {
    what: "the registry's own path",
    comesThrough: true,
    files: forAll((at) => host(`http://${at}/v2/docker.io`, "override_path = true")),
  },
  { what: "mirrors of the old form", comesThrough: true, files: withConfig((at) => config(mirrors(at))) },
  { what: "no config_path", comesThrough: false, files: withConfig(() => config("")) },
  {
    what: "mirrors beside config_path",
    comesThrough: false,
    files: withConfig((at) => config(configPath + mirrors(at))),
  },
  {
    what: "a config.toml that does not parse",
    comesThrough: false,
    files: withConfig(() => `${config(configPath)}[plugins`),
  },
  {
    what: "a config.toml without a version",
    comesThrough: false,
    files: withConfig(() => config(configPath).replace("version = 2\n", "")),
  },
  {
    what: "an unparsable hosts.toml",
    comesThrough: false,
    files: forAll((at) => host(`http://${at}`).replace("]", "")),
  },
  {
    what: "an unknown capability",
    comesThrough: false,
    files: forAll((at) => host(`http://${at}`, 'capabilities = ["pull", "resolv"]')),
  },
  {
    what: "a directory that hides _default",
    comesThrough: false,
    files: withHosts((at) => ({ "_default/hosts.toml": host(`http://${at}`), "docker.io/": "" })),
  },
  { what: "a wrong port", comesThrough: false, files: forAll(() => host("http://127.0.0.1:9")) },
  { what: "https for plain http", comesThrough: false, files: forAll((at) => host(`https://${at}`)) },
  { what: "no scheme", comesThrough: false, files: forAll((at) => host(at)) },
  {
    what: "capabilities without resolve",
    comesThrough: false,
    files: forAll((at) => host(`http://${at}`, 'capabilities = ["pull"]')),
  },
  {
    what: "a path behind which /v2 is put",
    comesThrough: false,
    files: forAll((at) => host(`http://${at}/docker.io`)),
  },
];

export function containerdScene(processes: ChildProcesses, directory: string, image: FixtureImage) {
  const machine = new Machine(join(directory, "containerd-machine"), "/etc/containerd");
  let count = 0;
  return {
    machine,
    async pull(): Promise<void> {
      count += 1;
      const own = join(directory, `c${count}`);
      mkdirSync(own);
      const socket = join(own, "s");
      const places = ["--root", join(own, "root"), "--state", join(own, "state"), "--address", socket];
      const [program, args] = machine.command(binary("containerd"), places);
      const daemon = processes.start(program, args, { logFile: join(own, "log") });
      const ctr = ["--address", socket, "version"];
      await until("containerd", 30_000, async () => {
        if (!daemon.isRunning()) throw new Error("containerd ended at its start");
        return processes.run(binary("ctr"), ctr).then(
          () => true,
          () => false,
        );
      });
      const images = openImageService(socket);
      try {
        await images.pull(`${hub}/${image.repository}:${image.tag}`);
      } finally {
        images.close();
        await daemon.end();
      }
    },
  };
}
