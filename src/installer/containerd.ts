import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { changed, leftAsIs, leftWithProblem, type Change } from "./change.ts";
import { hostsToml, mergeHosts, type MirrorHost } from "./hosts-toml.ts";
import { ManagedFile } from "./managed-file.ts";
import type { Runtime } from "./runtime.ts";
import type { Table } from "./toml.ts";

/** containerd's directory of registries (`config_path`): `_default`, and one directory for each registry. */
export const containerd: Runtime = {
  directory: "/etc/containerd/certs.d",
  install(directory, { address, dialTimeout, registries }) {
    const host = { url: address, dialTimeout };
    const names = registries.map((registry) => ({ registry, ...placeFor(directory, registry) }));
    return [
      pointAt(join(directory, "_default"), host, {}),
      ...names.map(({ registry, name, hiddenBy }) => {
        const place = join(directory, name);
        if (hiddenBy === undefined) return pointAt(place, host, serverOf(registry));
        return leftWithProblem(place, `${hiddenBy} is there for every port, and is not changed`);
      }),
    ];
  },
  uninstall: (directory) =>
    subdirectories(directory).flatMap((name) => new ManagedFile(join(directory, name, "hosts.toml")).restore() ?? []),
};

/**
 * The name that containerd looks for first among those that are there: `host_port_`, `host:port`, `host`
 * (core/remotes/docker/config/hosts.go, hostDirectory).
 */
function placeFor(root: string, registry: string): { name: string; hiddenBy?: string } {
  const [, host, port] = /^(.*):(\d+)$/.exec(registry) ?? [];
  if (host === undefined || port === undefined) return { name: registry };
  const present = [`${host}_${port}_`, registry].find((name) => isDirectory(join(root, name)));
  if (present !== undefined) return { name: present };
  const isForeign = new ManagedFile(join(root, host, "hosts.toml")).readEarlier() !== undefined;
  return isForeign ? { name: registry, hiddenBy: join(root, host) } : { name: registry };
}

function pointAt(directory: string, host: MirrorHost, server: Table): Change {
  const file = new ManagedFile(join(directory, "hosts.toml"));
  const earlier = file.readEarlier();
  if (earlier === undefined || earlier.trim() === "") {
    return file.write(hostsToml(host, { ...server, ...certificatesOf(directory) }));
  }
  const merged = mergeHosts(earlier, host);
  if (merged.outcome === "merged") return file.write(merged.text);
  return merged.outcome === "invalid" ? leftWithProblem(file.path, merged.why) : pointsHere(file);
}

/** What was there before us names this address itself: then that is what shall be there. */
function pointsHere(file: ManagedFile): Change {
  return file.restore()?.what === "restored"
    ? changed(file.path, "restored")
    : leftAsIs(file.path, "points here already");
}

/** The registry itself stays what is asked last. Without `server` containerd takes it too; it is written for people. */
function serverOf(registry: string): Table {
  if (/^(localhost|127\.|\[::1\])/.test(registry)) return {};
  return { server: `https://${registry === "docker.io" ? "registry-1.docker.io" : registry}` };
}

/** In a directory without a hosts.toml, containerd takes certificates by their names; with one, only what it names. */
function certificatesOf(directory: string): Table {
  const names = list(directory).map(({ name }) => name);
  const authorities = names.filter((name) => name.endsWith(".crt"));
  const pairs = names
    .filter((name) => name.endsWith(".cert"))
    .map((name) => [name, `${name.slice(0, -".cert".length)}.key`])
    .filter(([, key]) => names.includes(String(key)));
  return { ...(authorities.length > 0 && { ca: authorities }), ...(pairs.length > 0 && { client: pairs }) };
}

function subdirectories(directory: string): string[] {
  return list(directory)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function list(directory: string) {
  return isDirectory(directory) ? readdirSync(directory, { withFileTypes: true }) : [];
}
