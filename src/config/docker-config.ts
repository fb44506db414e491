/** What a Docker `config.json` says about one registry: a credential, or the program that knows it. */
export type DockerCredential =
  | { kind: "basic"; username: string; password: string }
  | { kind: "bearer"; token: string }
  /** An OAuth2 refresh token, Docker's `identitytoken`. */
  | { kind: "refresh"; token: string }
  /** `docker-credential-<name>`, which knows the registry as `server`. */
  | { kind: "helper"; name: string; server: string };

/** The text is no Docker config.json. The message quotes nothing of it. */
export class DockerConfigInvalid extends Error {
  override readonly name = "DockerConfigInvalid";
}

const hubHosts = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const hubServer = "https://index.docker.io/v1/";

/** Helpers are named by a part of a file name. */
export const helperNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/**
 * What a registry at `url` may be called in a config.json, where an upstream is known by a name of its own too.
 * @param name - Of the upstream, for its origin; a mirror is known by its address only.
 */
export function registryHosts(url: string, name: string | undefined): string[] {
  const { host } = new URL(url);
  return name === undefined || name === host ? [host] : [host, name];
}

/** How Docker names a registry towards its helpers: by its host, Docker Hub by the address of its old index. */
export function dockerServer(host: string): string {
  return hubHosts.includes(host) ? hubServer : host;
}

/**
 * The credential for the first of `hosts` that the file knows, as the docker command finds it: `credHelpers`, then
 * `credsStore`, then `auths`. Keys may have a scheme, and `/v1/` or `/v2/` behind the host; others with a path are podman's
 * namespaces, and mean nothing here.
 * @throws DockerConfigInvalid
 */
export function findDockerCredential(text: string, hosts: readonly string[]): DockerCredential | undefined {
  const document = parseSection(text);
  const helpers = sectionOf(document, "credHelpers");
  const auths = sectionOf(document, "auths");
  const store = document["credsStore"];
  for (const host of hosts.map((name) => name.toLowerCase())) {
    const helper = entryOf(helpers, host) ?? (store === "" ? undefined : store);
    if (helper !== undefined) return { kind: "helper", name: helperName(helper), server: dockerServer(host) };
    const auth = entryOf(auths, host);
    const credential = auth === undefined ? undefined : readAuth(auth);
    if (credential) return credential;
  }
  return undefined;
}

type Section = Record<string, unknown>;

function parseSection(text: string): Section {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new DockerConfigInvalid("is not JSON");
  }
  if (!isSection(document)) throw new DockerConfigInvalid("is not a JSON object");
  return document;
}

function sectionOf(document: Section, name: string): Section {
  const section = document[name] ?? {};
  if (!isSection(section)) throw new DockerConfigInvalid(`has ${name} that are not a JSON object`);
  return section;
}

function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entryOf(section: Section, host: string): unknown {
  const names = hubHosts.includes(host) ? hubHosts : [host];
  return Object.entries(section).find(([key]) => names.includes(hostOf(key)))?.[1];
}

function hostOf(key: string): string {
  const match = /^(?:https?:\/\/)?([^/]+)(?:\/v[12])?\/?$/i.exec(key);
  return match?.[1]?.toLowerCase() ?? "";
}

function helperName(value: unknown): string {
  if (typeof value === "string" && helperNamePattern.test(value)) return value;
  throw new DockerConfigInvalid("names a helper that is no name");
}

function readAuth(entry: unknown): DockerCredential | undefined {
  if (!isSection(entry)) throw new DockerConfigInvalid("has an entry of auths that is not a JSON object");
  const text = (name: string): string => (typeof entry[name] === "string" ? entry[name] : "");
  if (text("identitytoken") !== "") return { kind: "refresh", token: text("identitytoken") };
  if (text("registrytoken") !== "") return { kind: "bearer", token: text("registrytoken") };
  if (text("auth") !== "") return decodeAuth(text("auth"));
  if (text("username") === "") return undefined;
  return { kind: "basic", username: text("username"), password: text("password") };
}

function decodeAuth(auth: string): DockerCredential {
  const [username = "", ...rest] = Buffer.from(auth, "base64").toString("utf8").split(":");
  if (username === "" || rest.length === 0)
    throw new DockerConfigInvalid("has an auth that is not user:password in base64");
  // Old versions of docker padded with NUL.
  return { kind: "basic", username, password: rest.join(":").replace(/\0+$/, "") };
}
