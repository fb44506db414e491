// A new user's path: start, doctor, the snippet put in its place as it is printed, a pull, the numbers, the page.
import { equal, match, ok } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, until, type ChildProcesses, type Daemon } from "./child-processes.ts";
import type { Checks } from "./checks.ts";
import { dockerScene } from "./doctor/docker.ts";
import { processesNaming } from "./scratch-directory.ts";
import { hub, repositoryRoot } from "./entrepot-process.ts";
import type { FixtureImage } from "./fixture-manifests.ts";

interface FirstSteps {
  readonly processes: ChildProcesses;
  readonly directory: string;
  readonly image: FixtureImage;
  /** Of a registry that stands in for Docker Hub. */
  readonly upstreamPort: number;
}

/** The upstreams of the defaults that cannot be reached from here. */
const others =
  "ghcr.io quay.io registry.k8s.io gcr.io mcr.microsoft.com public.ecr.aws nvcr.io docker.elastic.co registry.gitlab.com";

interface Stats {
  requests: { total: number; byOutcome: { filled: number } };
  store: { manifests: number };
}

/** `npm start` and `npm run entrepot`, as the README has them; only what this machine has not is told otherwise. */
class NewUser {
  readonly admin: string;
  readonly #processes: ChildProcesses;
  readonly #directory: string;
  readonly #env: Record<string, string>;
  readonly #port: number;

  private constructor({ processes, directory, upstreamPort }: FirstSteps, port: number, adminPort: number) {
    this.#processes = processes;
    this.#directory = directory;
    this.#port = port;
    this.admin = `http://127.0.0.1:${adminPort}`;
    const configuration = join(directory, "entrepot.yaml");
    const disabled = others.split(" ").map((name) => `  ${name}: { enabled: false }`);
    const origin = `  ${hub}: { endpoints: ["http://127.0.0.1:${upstreamPort}"] }`;
    writeFileSync(configuration, ["upstreams:", origin, ...disabled, ""].join("\n"));
    this.#env = {
      PATH: process.env["PATH"] ?? "",
      ENTREPOT_CONFIG: configuration,
      ENTREPOT_LISTEN: `127.0.0.1:${port}`,
      ENTREPOT_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
      ENTREPOT_DATA_DIR: join(directory, "data"),
    };
  }

  static async create(steps: FirstSteps): Promise<NewUser> {
    return new NewUser(steps, await freePort(), await freePort());
  }

  async start(): Promise<Daemon> {
    // On the command line too, so that a process that were left behind is found by its directory.
    const args = ["npm", "start", "--", "--data-dir", join(this.#directory, "data")];
    const logFile = join(this.#directory, "npm-start.log");
    const daemon = this.#processes.start("/usr/bin/env", args, { cwd: repositoryRoot, env: this.#env, logFile });
    await until("npm start to listen", 30_000, () => this.isListening());
    return daemon;
  }

  isListening(): Promise<boolean> {
    return fetch(`http://127.0.0.1:${this.#port}/v2/`).then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /** What a command prints; `code` is the exit code that it is to end with. */
  entrepot(args: readonly string[], code = 0): Promise<string> {
    const words = ["npm", "run", "-s", "entrepot", "--", ...args];
    return this.#processes.run("/usr/bin/env", words, { cwd: repositoryRoot, env: this.#env, accepts: [code] });
  }
}

/** The snippet that stands below the line that begins with `path`, without its indentation. */
function snippetIn(printed: string, path: string): string {
  const [, block = ""] = new RegExp(`^${path} {2}\\(.*\\)\\n\\n((?: {4}.*\\n)+)`, "m").exec(printed) ?? [];
  return block.replaceAll(/^ {4}/gm, "");
}

export async function checkFirstSteps(checks: Checks, given: FirstSteps): Promise<void> {
  const directory = join(given.directory, "first-steps");
  mkdirSync(directory);
  const user = await NewUser.create({ ...given, directory });
  const docker = dockerScene(given.processes, directory, given.image);
  docker.machine.clear();
  const client = ["doctor", "--client", "docker", "--root", docker.machine.root];
  let running: Daemon | undefined;
  checks.watch([join(directory, "npm-start.log")]);

  await checks.check("a new user starts entrepot with npm start", async () => {
    running = await user.start();
  });
  await checks.check("the doctor finds nothing wrong, and that nobody has pulled yet", async () => {
    const found = await user.entrepot(["doctor"]);
    match(found, /^ok +upstream docker\.io +connection /m);
    match(found, /^! +instance +last requests +none of a client that is known since the start/m);
  });
  await checks.check(
    "the doctor prints the snippet, which is put in its place as it is, and then comes through",
    async () => {
      const file = "/etc/docker/daemon.json";
      const printed = await user.entrepot(client, 1);
      match(printed, /^X docker: pulls do NOT come through entrepot$/m);
      docker.machine.write({ [file]: snippetIn(printed, file) });
      match(await user.entrepot(client), /^ok docker: pulls come through entrepot$/m);
    },
  );
  await checks.check("the client pulls through it, by the image's own name", () => docker.pull());
  await checks.check("the doctor has seen the client, and the statistics show what it pulled", async () => {
    match(await user.entrepot(client), /requests seen +the last of docker \d+ s ago/);
    const stats = JSON.parse(await user.entrepot(["stats", "--json"])) as Stats;
    ok(stats.requests.byOutcome.filled > 0, "requests that were filled");
    ok(stats.store.manifests > 0, "manifests that are stored");
    match(await user.entrepot(["stats"]), /^ +filled +\d+ /m);
  });
  await checks.check("the page answers", async () => {
    const answer = await fetch(`${user.admin}/`);
    equal(answer.status, 200);
    match(answer.headers.get("content-type") ?? "", /^text\/html/);
    match(await answer.text(), /<title>[^<]*entrepot/i);
  });
  await checks.check("entrepot ends when it is told to, and npm start with it", async () => {
    await running?.end();
    await until("entrepot to be gone", 30_000, () => processesNaming(directory).length === 0);
    equal(await user.isListening(), false);
  });
}
