// A private image in a real registry behind a real TLS proxy: with the cache's own credentials, and with each client's own.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import bcrypt from "bcryptjs";
import { certificate, privateKey } from "../unit/upstream/certificate.ts";
import { binary, freePort, until, type ChildProcesses } from "./child-processes.ts";
import type { Checks } from "./checks.ts";
import type { Client } from "./client.ts";
import type { Credentials } from "./credentials.ts";
import { EntrepotProcess } from "./entrepot-process.ts";
import { largestLayer, pushImage, type FixtureImage } from "./fixture-manifests.ts";
import { startUpstreamRegistry } from "./upstream-registry.ts";

const alice = { username: "alice", password: "canary-alice-secret" };
const bob = { username: "bob", password: "canary-bob-secret" };
const registryName = "private.example.test";

interface PrivateImages {
  readonly processes: ChildProcesses;
  readonly directory: string;
  readonly clients: readonly Client[];
  readonly image: FixtureImage;
}

/** docker-registry that knows alice alone, behind nginx; the port of the latter. */
async function startPrivateRegistry({ processes, directory, image }: PrivateImages): Promise<number> {
  const htpasswd = join(directory, "htpasswd");
  writeFileSync(htpasswd, `${alice.username}:${bcrypt.hashSync(alice.password, 4)}\n`);
  const auth = { htpasswd: { realm: "private", path: htpasswd } };
  const registry = await startUpstreamRegistry(processes, directory, auth);
  await pushImage(processes, image, registry.port, join(directory, "fixture"), alice);
  const port = await freePort();
  const inDirectory = (name: string): string => join(directory, name);
  writeFileSync(inDirectory("tls.pem"), certificate);
  writeFileSync(inDirectory("tls.key"), privateKey);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${inDirectory(`nginx-${name}`)};`,
  );
  const lines = [
    `user root; daemon off; worker_processes 1; pid ${inDirectory("nginx.pid")};`,
    `events {}`,
    `http {`,
    `  access_log off; ${temporary.join(" ")}`,
    `  server {`,
    `    listen 127.0.0.1:${port} ssl;`,
    `    ssl_certificate ${inDirectory("tls.pem")}; ssl_certificate_key ${inDirectory("tls.key")};`,
    `    location / { proxy_pass http://127.0.0.1:${registry.port}; proxy_set_header Host $http_host; }`,
    `  }`,
    `}`,
  ];
  writeFileSync(inDirectory("nginx.conf"), lines.join("\n"));
  const logFile = inDirectory("nginx.log");
  const daemon = processes.start(binary("nginx"), ["-c", inDirectory("nginx.conf"), "-e", logFile], { logFile });
  await until("nginx", 10_000, async () => {
    if (!daemon.isRunning()) throw new Error(`nginx ended at its start: ${readFileSync(logFile, "utf8")}`);
    return fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  });
  return port;
}

function nameOf(cache: EntrepotProcess, { repository, tag }: FixtureImage): string {
  return `127.0.0.1:${cache.port}/${registryName}/${repository}:${tag}`;
}

/** The cache has the credentials, in a file; clients have none. */
async function checkConfigured(checks: Checks, given: PrivateImages, port: number): Promise<void> {
  const { processes, directory, clients, image } = given;
  const passwordFile = join(directory, "password");
  writeFileSync(passwordFile, "not alice's");
  const credentials = `{ username: ${alice.username}, passwordFile: ${passwordFile} }`;
  const endpoint = `endpoints: ["https://127.0.0.1:${port}"], tls: { caFile: ${join(directory, "tls.pem")} }`;
  const line = `  ${registryName}: { ${endpoint}, credentials: ${credentials} }`;
  const cache = await EntrepotProcess.create(processes, join(directory, "configured"), port, [line]);
  checks.watch([cache.logFile]);
  await cache.startCold();
  const [first] = clients;
  await checks.check("a private image cannot be pulled while the cache has a wrong password", async () => {
    await rejects(first?.pullName(nameOf(cache, image)) ?? Promise.resolve());
  });
  writeFileSync(passwordFile, `${alice.password}\n`);
  for (const client of clients) {
    await checks.check(`${client.name} pulls a private image over TLS with the cache's credentials`, async () => {
      await client.empty();
      await client.pullName(nameOf(cache, image));
    });
  }
  await cache.stop();
  checkNoSecret(cache);
}

/** The cache has no credentials; the client's own decide. */
async function checkOwn(checks: Checks, given: PrivateImages, port: number): Promise<void> {
  const { processes, directory, clients, image } = given;
  const endpoint = `endpoints: ["https://127.0.0.1:${port}"], tls: { caFile: ${join(directory, "tls.pem")} }`;
  const lines = [`  ${registryName}: { ${endpoint} }`, "access: { mode: upstream }"];
  const cache = await EntrepotProcess.create(processes, join(directory, "own"), port, lines);
  checks.watch([cache.logFile]);
  await cache.startCold();
  for (const client of clients) {
    await checks.check(`${client.name} pulls a private image with its own credentials`, async () => {
      await client.empty();
      await client.pullName(nameOf(cache, image), alice);
    });
    for (const [who, credentials] of [
      ["others' credentials", bob],
      ["none", undefined],
    ] as const) {
      await checks.check(`${client.name} is refused the image, which is cached, with ${who}`, async () => {
        await client.empty();
        await rejects(client.pullName(nameOf(cache, image), credentials), "the pull fails");
      });
    }
  }
  await checks.check("nobody but who may is told anything about a private image, whatever is asked", async () => {
    for (const [method, path, headers] of requestsFor(image)) {
      const url = `http://127.0.0.1:${cache.port}/v2/${registryName}/${image.repository}/${path}`;
      const ask = async (credentials?: Credentials): Promise<number> => {
        const answer = await fetch(url, { method, headers: { ...headers, ...basic(credentials) } });
        await answer.arrayBuffer();
        return answer.status;
      };
      ok([200, 206].includes(await ask(alice)), `${method} ${path} for alice`);
      deepEqual([await ask(bob), await ask()], [401, 401], `${method} ${path} for others`);
    }
  });
  await cache.stop();
  checkNoSecret(cache);
}

function requestsFor(image: FixtureImage): [string, string, Record<string, string>][] {
  const { digest } = largestLayer(image);
  return [
    ["GET", `manifests/${image.tag}`, {}],
    ["HEAD", `manifests/${image.tag}`, {}],
    ["GET", `manifests/${image.index.digest}`, {}],
    ["GET", `blobs/${digest}`, {}],
    ["HEAD", `blobs/${digest}`, {}],
    ["GET", `blobs/${digest}`, { range: "bytes=0-9" }],
    ["GET", "tags/list", {}],
    ["GET", `referrers/${image.index.digest}`, {}],
  ];
}

function basic(credentials: Credentials | undefined): Record<string, string> {
  if (!credentials) return {};
  const { username, password } = credentials;
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

function checkNoSecret(cache: EntrepotProcess): void {
  const log = readFileSync(cache.logFile, "utf8");
  for (const { password } of [alice, bob]) equal(log.includes(password), false, "a password is in the log");
}

export async function checkPrivateImages(checks: Checks, given: PrivateImages): Promise<void> {
  const directory = join(given.directory, "private");
  mkdirSync(directory);
  const own = { ...given, directory };
  const port = await startPrivateRegistry(own);
  await checkConfigured(checks, own, port);
  await checkOwn(checks, own, port);
  for (const client of given.clients) await client.empty();
}
