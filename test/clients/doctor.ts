// The doctor's verdict on real clients, in right and in wrong configurations, is what then happens.
import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import type { Checks } from "./checks.ts";
import type { ChildProcesses } from "./child-processes.ts";
import { containerdConfigurations, containerdScene } from "./doctor/containerd.ts";
import { dockerConfigurations, dockerMirror, dockerScene } from "./doctor/docker.ts";
import { podmanConfigurations, podmanScene } from "./doctor/podman.ts";
import { checkConfiguration } from "./doctor/verdict.ts";
import { EntrepotProcess } from "./entrepot-process.ts";
import type { FixtureImage } from "./fixture-manifests.ts";

interface DoctorSettings {
  readonly processes: ChildProcesses;
  readonly directory: string;
  /** In the hub of the upstream. */
  readonly image: FixtureImage;
  readonly upstreamPort: number;
}

export async function checkDoctor(checks: Checks, settings: DoctorSettings): Promise<void> {
  const { processes, image, upstreamPort } = settings;
  const directory = join(settings.directory, "doctor");
  mkdirSync(directory);
  const cache = await EntrepotProcess.create(processes, join(directory, "entrepot"), upstreamPort);
  checks.watch([cache.logFile]);
  await cache.startCold();
  const docker = dockerScene(processes, directory, image);
  const podman = podmanScene(processes, directory, image);
  const containerd = containerdScene(processes, directory, image);
  for (const configuration of podmanConfigurations) {
    await checkConfiguration({ checks, cache, client: "podman", family: "podman", ...podman }, configuration);
  }
  for (const configuration of containerdConfigurations) {
    await checkConfiguration(
      { checks, cache, client: "containerd", family: "containerd", ...containerd },
      configuration,
    );
  }
  for (const configuration of dockerConfigurations) {
    await checkConfiguration({ checks, cache, client: "docker", family: "docker", ...docker }, configuration);
  }
  await cache.stop();
  await checkLogin(checks, { ...settings, directory }, docker);
}

/** The same mirror, and an entrepot that answers 401 to whoever has no password. */
async function checkLogin(
  checks: Checks,
  { processes, directory, upstreamPort }: DoctorSettings,
  docker: ReturnType<typeof dockerScene>,
): Promise<void> {
  const htpasswdFile = join(directory, "htpasswd");
  writeFileSync(htpasswdFile, `me:${bcrypt.hashSync("secret", 4)}\n`);
  const lines = [`access: { mode: basic, htpasswdFile: ${htpasswdFile} }`];
  const cache = await EntrepotProcess.create(processes, join(directory, "basic"), upstreamPort, lines);
  await cache.startCold();
  const configuration = { ...dockerMirror, what: "a mirror that answers 401", comesThrough: false };
  await checkConfiguration({ checks, cache, client: "docker", family: "docker", ...docker }, configuration);
  await cache.stop();
}
