// Pushes through entrepot by real clients, into real registries: one that gives tokens, one that takes Basic.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { certificate } from "../unit/upstream/certificate.ts";
import { binary, sizeOf, until, type ChildProcesses } from "./child-processes.ts";
import type { Checks } from "./checks.ts";
import type { Client, PushTarget } from "./client.ts";
import { EntrepotProcess } from "./entrepot-process.ts";
import { digestOf, incompressible, native } from "./fixture-image.ts";
import type { FixtureImage } from "./fixture-manifests.ts";
import { issuer, service, startTokenServer, type Users } from "./token-server.ts";
import { startUpstreamRegistry, type UpstreamRegistry } from "./upstream-registry.ts";

const pusher = { username: "pusher", password: "canary-pusher-secret" };
const reader = { username: "reader", password: "canary-reader-secret" };
const users: Users = {
  [pusher.username]: { password: pusher.password, actions: ["pull", "push", "delete"] },
  [reader.username]: { password: reader.password, actions: ["pull"] },
};

/** A registry as the cache knows it. */
interface Registry {
  readonly name: string;
  readonly what: string;
  readonly registry: UpstreamRegistry;
}

interface PushStage {
  readonly processes: ChildProcesses;
  readonly directory: string;
  readonly cache: EntrepotProcess;
  readonly registries: readonly Registry[];
}

async function startRegistries(processes: ChildProcesses, directory: string, realm: string): Promise<Registry[]> {
  const htpasswd = join(directory, "htpasswd");
  const lines = Object.entries(users).map(([name, { password }]) => `${name}:${bcrypt.hashSync(password, 4)}`);
  writeFileSync(htpasswd, `${lines.join("\n")}\n`);
  const rootcertbundle = join(directory, "token-certificate.pem");
  writeFileSync(rootcertbundle, certificate);
  const start = (name: string, auth: object): Promise<UpstreamRegistry> => {
    const own = join(directory, name);
    mkdirSync(own);
    return startUpstreamRegistry(processes, own, auth);
  };
  return [
    {
      name: "tokens.example.test",
      what: "a registry that gives tokens",
      registry: await start("tokens", { token: { realm, service, issuer, rootcertbundle } }),
    },
    {
      name: "basic.example.test",
      what: "a registry that takes Basic",
      registry: await start("basic", { htpasswd: { realm: "basic", path: htpasswd } }),
    },
  ];
}

/** What is pulled through the cache by somebody without credentials, and has its digest: a manifest and all below it. */
async function pullWhole(cache: EntrepotProcess, repository: string, reference: string): Promise<string> {
  const base = `http://127.0.0.1:${cache.port}/v2/${repository}`;
  const answer = await fetch(`${base}/manifests/${reference}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  equal(answer.status, 200, `${repository}:${reference}: ${bytes.toString()}`);
  const manifest = JSON.parse(bytes.toString()) as Partial<Record<"manifests" | "layers", { digest: string }[]>> & {
    config?: { digest: string };
  };
  for (const { digest } of manifest.manifests ?? []) equal(await pullWhole(cache, repository, digest), digest);
  for (const { digest } of [...(manifest.layers ?? []), ...(manifest.config ? [manifest.config] : [])]) {
    const blob = await fetch(`${base}/blobs/${digest}`);
    equal(digestOf(Buffer.from(await blob.arrayBuffer())), digest, `blob of ${repository}`);
  }
  return digestOf(bytes);
}

function targetOf({ cache }: PushStage, { name }: Registry, tag: string, repository = "org/app"): PushTarget {
  return { host: `127.0.0.1:${cache.port}`, repository: `${name}/${repository}`, tag, ...pusher };
}

async function checkClientPushes(checks: Checks, stage: PushStage, client: Client, image: FixtureImage): Promise<void> {
  for (const push of client.pushers) {
    for (const registry of stage.registries) {
      await checks.check(`${push.name} pushes to ${registry.what}, and the cache serves what was pushed`, async () => {
        await client.pull(image);
        const target = targetOf(stage, registry, push.name);
        const digest = await push.push(image, target);
        equal(await pullWhole(stage.cache, target.repository, target.tag), digest);
      });
    }
  }
}

/** What docker has pushed to one repository of a registry it does not upload to another. */
async function checkMounts(checks: Checks, stage: PushStage, client: Client, image: FixtureImage): Promise<void> {
  for (const push of client.pushers.filter(({ name }) => name === "docker")) {
    for (const registry of stage.registries) {
      await checks.check(`${push.name} has its layers mounted by ${registry.what}, and uploads none`, async () => {
        // docker has a layer mounted from where it has seen it last, though that be another registry behind the same cache.
        await push.push(image, targetOf(stage, registry, push.name));
        const from = sizeOf(stage.cache.logFile);
        const target = targetOf(stage, registry, "mounted", "org/second");
        const digest = await push.push(image, target);
        const lines = readFileSync(stage.cache.logFile).subarray(from).toString().trim().split("\n");
        const requests = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
        const begun = requests.filter(({ method, repository }) => method === "POST" && repository === "org/second");
        const { layers } = image.content[native];
        equal(begun.filter(({ status }) => status === 201).length, layers.length, "mounts");
        equal(await pullWhole(stage.cache, target.repository, target.tag), digest);
      });
    }
  }
}

/** A layer that takes long enough to be pushed that the push can be seen while it lasts. */
const slowLayerBytes = 400 * 1024 * 1024;

async function checkAbortedPush(checks: Checks, stage: PushStage, { name, registry }: Registry): Promise<void> {
  const target = targetOf(stage, { name, registry, what: "" }, "aborted", "org/aborted");
  const source = join(stage.directory, "slow-image");
  await checks.check("a push whose client is killed in the middle leaves the tag at what it was", async () => {
    const first = writeImage(join(stage.directory, "quick-image"), 1000);
    await stage.processes.run(binary("skopeo"), skopeoCopy(first.directory, target));
    const before = await pullWhole(stage.cache, target.repository, target.tag);
    equal(before, first.digest);
    writeImage(source, slowLayerBytes);
    const uploads = join(registry.storage, "docker/registry/v2/repositories/org/aborted/_uploads");
    const logFile = join(stage.directory, "aborted-push.log");
    const push = stage.processes.start(binary("skopeo"), skopeoCopy(source, target), { logFile });
    await until("the upload", 30_000, () => isUnderway(uploads, 8 * 1024 * 1024), 5);
    process.kill(push.pid, "SIGKILL");
    await until("the end of the push", 10_000, () => !push.isRunning());
    const hasCome = readdirSync(uploads).map((upload) => sizeOf(join(uploads, upload, "data")));
    ok(Math.max(...hasCome) < slowLayerBytes, `not all of it has come: ${hasCome.join()}`);
    equal(await pullWhole(stage.cache, target.repository, target.tag), before);
  });
}

function isUnderway(uploads: string, bytes: number): boolean {
  if (!existsSync(uploads)) return false;
  return readdirSync(uploads).some((upload) => sizeOf(join(uploads, upload, "data")) > bytes);
}

function skopeoCopy(source: string, { host, repository, tag, username, password }: PushTarget): string[] {
  const destination = ["--dest-tls-verify=false", "--dest-creds", `${username}:${password}`];
  return [
    "copy",
    "--quiet",
    "--preserve-digests",
    ...destination,
    `dir:${source}`,
    `docker://${host}/${repository}:${tag}`,
  ];
}

/** An image of one layer of this size, as skopeo's `dir:`. */
function writeImage(directory: string, layerBytes: number): { directory: string; digest: string } {
  mkdirSync(directory, { recursive: true });
  const write = (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    writeFileSync(join(directory, digest.slice("sha256:".length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const layer = write(incompressible(layerBytes, "pushed"), "application/vnd.oci.image.layer.v1.tar");
  const rootfs = { type: "layers", diff_ids: [layer.digest] };
  const settings = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }));
  const config = write(settings, "application/vnd.oci.image.config.v1+json");
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  writeFileSync(join(directory, "manifest.json"), manifest);
  writeFileSync(join(directory, "version"), "Directory Transport Version: 1.1\n");
  return { directory, digest: digestOf(manifest) };
}

async function checkRefusedPush(checks: Checks, stage: PushStage, clients: readonly Client[], image: FixtureImage) {
  const [registry] = stage.registries;
  if (!registry) throw new Error("no registry");
  for (const client of clients) {
    for (const push of client.pushers) {
      await checks.check(`${push.name} is told that it may not push with credentials for pulling`, async () => {
        await client.pull(image);
        const said = await push.push(image, { ...targetOf(stage, registry, "refused"), ...reader }).then(
          () => "nothing",
          (error: unknown) => String(error),
        );
        match(said, /denied|unauthorized|authentication required/i);
      });
    }
  }
}

export async function checkPushes(
  checks: Checks,
  {
    processes,
    directory,
    clients,
    image,
  }: Pick<PushStage, "processes"> & {
    directory: string;
    clients: readonly Client[];
    image: FixtureImage;
  },
): Promise<void> {
  const own = join(directory, "pushes");
  mkdirSync(own);
  const tokens = await startTokenServer(users);
  const registries = await startRegistries(processes, own, tokens.realm);
  const credentials = JSON.stringify(reader);
  const cache = await EntrepotProcess.create(
    processes,
    join(own, "entrepot"),
    registries[0]?.registry.port ?? 0,
    registries.map(
      ({ name, registry: { port } }) =>
        `  ${name}: { endpoints: ["http://127.0.0.1:${port}"], push: passthrough, credentials: ${credentials} }`,
    ),
  );
  checks.watch([cache.logFile, ...registries.map(({ registry }) => registry.logFile)]);
  if (!(await checks.check("entrepot starts for pushes", () => cache.startCold()))) return;
  const stage: PushStage = { processes, directory: own, cache, registries };
  for (const client of clients) await checkClientPushes(checks, stage, client, image);
  for (const client of clients) await checkMounts(checks, stage, client, image);
  await checks.check("no push was made with the configured credentials", () => {
    deepEqual(
      tokens.asked.filter((asked) => asked.startsWith(`${reader.username} `) && asked.includes("push")),
      [],
    );
    return Promise.resolve();
  });
  await checkRefusedPush(checks, stage, clients, image);
  if (registries[0]) await checkAbortedPush(checks, stage, registries[0]);

  await checks.check("no secret of a push is in entrepot's log", async () => {
    await cache.stop();
    const log = readFileSync(cache.logFile, "utf8");
    for (const secret of [pusher.password, reader.password, "_state", "Bearer "]) equal(log.includes(secret), false);
  });
  await tokens.close();
}
