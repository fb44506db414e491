import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";

/** What the figures depend on: the machine, and the versions of all that takes part. */
export function machineFacts(): Record<string, string | number> {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model.trim() ?? "unknown",
    "memory GiB": Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.versions.node,
    entrepot: output("git", ["describe", "--always", "--dirty"]),
    ...packageVersions(["docker-registry", "nginx", "wrk", "skopeo"]),
  };
}

function packageVersions(names: readonly string[]): Record<string, string> {
  const versionOf = (name: string): string => output("dpkg-query", ["-W", "-f", "${Version}", name]);
  return Object.fromEntries(names.map((name) => [name, versionOf(name)]));
}

/** "unknown" where the machine cannot say: a figure without it is still a figure. */
function output(command: string, args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}
