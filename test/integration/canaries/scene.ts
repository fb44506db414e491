import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificate } from "../../unit/upstream/certificate.ts";
import { startInstance, type AskOptions, type Instance, type Reply } from "../../support/instance.ts";
import { SkippingClock } from "../../support/skipping-clock.ts";
import { startUpstream, type TestUpstream } from "../../upstream/index.ts";
import { secrets, type SecretName } from "./secrets.ts";
import { startSecureRegistry, type SecureRegistry } from "./secure-registry.ts";
import { startStranger, type Stranger } from "./stranger.ts";

/** Upstreams with a secret each, and hosts that no secret is meant for. */
export interface Scene {
  instance: Instance;
  clock: SkippingClock;
  registries: Record<RegistryName, TestUpstream>;
  secure: SecureRegistry;
  /** Counts and keeps what comes to it. */
  stranger: Stranger;
  proxy: Stranger;
  /** What clients were answered, headers and bodies. */
  answers: string[];
  /** Asks as a client that shows a secret of its own, and keeps the answer. */
  ask(path: string, options?: AskOptions): Promise<Reply>;
  /** Puts an image into a repository that no other row uses, and names it as a client would. */
  publish(registry: RegistryName): { repository: string; path: string; digest: string };
}

/** The registries, and the secrets that they may see. */
export const meantFor = {
  bearer: ["password", "otherPassword", "issuedToken"],
  basic: ["filePassword"],
  cdn: ["signature"],
  refresh: ["refreshToken"],
  helper: ["helperSecret"],
  fixed: ["fixedToken"],
  echo: ["otherPassword"],
} satisfies Record<string, SecretName[]>;

export type RegistryName = keyof typeof meantFor;

export async function openScene(): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), "entrepot-canaries-"));
  const registries = await startRegistries();
  const [secure, stranger, proxy] = await Promise.all([startSecureRegistry(), startStranger(), startStranger()]);
  const clock = new SkippingClock();
  const settings = await writeSettings(directory, { registries, secure, proxy });
  const instance = await startInstance({ directory, clock, settings, environment: { PATH: directory } });
  const answers: string[] = [];
  let published = 0;
  return {
    ...{ instance, clock, registries, secure, stranger, proxy, answers },
    async ask(path, options = {}) {
      const headers = { authorization: `Bearer ${secrets.clientToken}`, ...options.headers };
      const reply = await instance.ask(path, { ...options, headers });
      answers.push(`${reply.status} ${JSON.stringify(reply.headers)} ${reply.body.toString("latin1")}`);
      return reply;
    },
    publish(registry) {
      const repository = `row/number-${++published}`;
      const { digest } = registries[registry].pushImage(repository, "1");
      return { repository, digest, path: `/v2/${repository}/manifests/1?ns=${registry}.test` };
    },
  };
}

export async function closeScene({ instance, registries, secure, stranger, proxy }: Scene): Promise<void> {
  await instance.remove();
  secure.close();
  await Promise.all([...Object.values(registries), stranger, proxy].map((server) => server.close()));
}

async function startRegistries(): Promise<Scene["registries"]> {
  const basic = (password: string) => ({ auth: { kind: "basic" as const, users: { puller: password } } });
  const bearer = { kind: "bearer" as const, allowsAnonymous: false };
  return {
    bearer: await startUpstream({
      auth: {
        ...bearer,
        users: { puller: secrets.password, other: secrets.otherPassword },
        tokenPrefix: secrets.issuedToken,
        isRepositoryBound: false,
      },
    }),
    basic: await startUpstream(basic(secrets.filePassword)),
    cdn: await startUpstream({ redirect: { manifests: true, signature: "none", keyPrefix: secrets.signature } }),
    refresh: await startUpstream({ auth: { ...bearer, refreshTokens: { [secrets.refreshToken]: "puller" } } }),
    helper: await startUpstream(basic(secrets.helperSecret)),
    fixed: await startUpstream({}),
    echo: await startUpstream(basic(secrets.otherPassword)),
  };
}

async function writeSettings(
  directory: string,
  { registries, secure, proxy }: Pick<Scene, "registries" | "secure" | "proxy">,
): Promise<Record<string, unknown>> {
  const file = (name: string): string => join(directory, name);
  const helper = file("docker-credential-canary");
  const printed = JSON.stringify({ Username: "puller", Secret: secrets.helperSecret });
  await writeFile(helper, `#!/bin/sh\ncat > /dev/null\necho '${printed}'\n`, { mode: 0o755 });
  const broken = `#!/bin/sh\necho '${secrets.helperSecret}'; echo '${secrets.helperSecret}' >&2; exit 1\n`;
  await writeFile(file("broken-helper"), broken, { mode: 0o755 });
  await writeFile(file("password"), secrets.filePassword);
  const auths = { [new URL(registries.refresh.url).host]: { identitytoken: secrets.refreshToken } };
  await writeFile(file("config.json"), JSON.stringify({ auths }));
  await writeFile(file("ca.pem"), certificate);
  const at = (name: RegistryName, more: Record<string, unknown> = {}) => ({
    endpoints: [registries[name].url],
    ...more,
  });
  const upstreams = {
    "bearer.test": at("bearer", {
      credentials: [
        { match: ["other/**"], username: "other", password: secrets.otherPassword },
        { username: "puller", password: secrets.password },
      ],
    }),
    "basic.test": at("basic", { credentials: { username: "puller", passwordFile: file("password") } }),
    "cdn.test": at("cdn", { redirects: { allowPrivate: true } }),
    "refresh.test": at("refresh", { credentials: { dockerConfig: file("config.json") } }),
    "helper.test": at("helper", { credentials: { helper: "canary" } }),
    "broken.test": at("helper", { credentials: { command: [file("broken-helper")] } }),
    "fixed.test": at("fixed", { credentials: { token: secrets.fixedToken } }),
    "echo.test": at("echo", { credentials: { username: "puller", password: secrets.otherPassword } }),
    "secure.test": {
      endpoints: [secure.url],
      tls: { caFile: file("ca.pem") },
      credentials: { username: "puller", password: secrets.securePassword },
    },
    "proxied.test": {
      endpoints: ["https://registry.invalid"],
      proxy: `http://puller:${secrets.proxyPassword}@127.0.0.1:${proxy.port}`,
    },
  };
  return { limits: { answerWithin: "4s", headerTimeout: "500ms", connectTimeout: "1s", attempts: 1 }, upstreams };
}

/** Every file below a directory. */
export async function filesOf(directory: string): Promise<{ path: string; bytes: Buffer }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}
