import { readFileSync } from "node:fs";
import { DockerConfigInvalid, findDockerCredential, helperNamePattern } from "./docker-config.ts";
import type { ConfigFault } from "./errors.ts";
import { readFailure } from "./file.ts";
import { isProgram } from "./programs.ts";
import type { CredentialsDocument } from "./schema.ts";
import type { CredentialOrigin, CredentialSettings } from "./settings.ts";

export interface CredentialsContext {
  /** Where the section stands, for faults. */
  path: string;
  /** Names of the registry in a Docker config.json, the endpoint's own host first. */
  hosts: readonly string[];
  environment: NodeJS.ProcessEnv;
  faults: ConfigFault[];
}

/**
 * The credentials that a section or a list of sections stands for. Files and programs are looked at, so that what is
 * missing is told now; they are read in use, so that what has changed is noticed.
 */
export function resolveCredentials(
  given: readonly CredentialsDocument[],
  context: CredentialsContext,
): CredentialSettings[] {
  const isList = given.length > 1 || given[0]?.match !== undefined;
  return given.flatMap((entry, index) => {
    const path = isList ? `${context.path}[${index}]` : context.path;
    const here = { ...context, path };
    if (entry.match === undefined && index < given.length - 1) {
      context.faults.push({ path, message: "without match stands for all repositories: it must be the last" });
    }
    const fault = shapeFault(entry);
    if (fault !== undefined) context.faults.push({ path, message: fault });
    const origin = fault === undefined ? resolveOrigin(entry, here) : undefined;
    return origin ? [{ match: entry.match, ...origin }] : [];
  });
}

const passwords = ["password", "passwordFile", "passwordEnv"] as const;
const others = ["token", "tokenFile", "tokenEnv", "dockerConfig", "helper", "command"] as const;

function shapeFault(given: CredentialsDocument): string | undefined {
  const named = [...passwords, ...others].filter((key) => given[key] !== undefined);
  const [first] = named;
  if (first === undefined) {
    return "must have a username with a password, passwordFile or passwordEnv, or one of token, tokenFile, tokenEnv, dockerConfig, helper and command";
  }
  if (named.length > 1) return `must have one of ${named.join(" and ")}, not several`;
  const isPassword = passwords.some((key) => key === first);
  if (isPassword && given.username === undefined) return `has a ${first} but no username`;
  if (!isPassword && first !== "command" && given.username !== undefined) return `a ${first} stands without a username`;
  if (given.username?.includes(":")) return "a username cannot hold a colon (RFC 7617 section 2)";
  return undefined;
}

function resolveOrigin(given: CredentialsDocument, context: CredentialsContext): CredentialOrigin | undefined {
  const { username = "", password, passwordFile, passwordEnv, token, tokenFile, tokenEnv } = given;
  if (password !== undefined) return { kind: "basic", username, password, passwordEnv: undefined };
  if (token !== undefined)
    return checkToken(token, "token", context) ? { kind: "bearer", token, tokenEnv: undefined } : undefined;
  if (passwordEnv !== undefined) {
    const value = readVariable(passwordEnv, "passwordEnv", context);
    return value === undefined ? undefined : { kind: "basic", username, password: value, passwordEnv };
  }
  if (tokenEnv !== undefined) {
    const value = readVariable(tokenEnv, "tokenEnv", context);
    const isToken = value !== undefined && checkToken(value, "tokenEnv", context);
    return isToken ? { kind: "bearer", token: value, tokenEnv } : undefined;
  }
  if (passwordFile !== undefined) {
    readSecret(passwordFile, "passwordFile", context);
    return { kind: "password-file", username, file: passwordFile };
  }
  if (tokenFile !== undefined) {
    const text = readSecret(tokenFile, "tokenFile", context);
    if (text !== undefined) checkToken(text.trim(), "tokenFile", context);
    return { kind: "token-file", file: tokenFile };
  }
  return resolveLookup(given, context);
}

function resolveLookup(given: CredentialsDocument, context: CredentialsContext): CredentialOrigin | undefined {
  const { dockerConfig, helper, command, username } = given;
  if (dockerConfig !== undefined) {
    checkDockerConfig(dockerConfig, context);
    return { kind: "docker-config", file: dockerConfig };
  }
  if (helper !== undefined) {
    checkHelper(helper, "helper", context);
    return { kind: "helper", name: helper };
  }
  const [program = ""] = command ?? [];
  if (!isProgram(program, context.environment["PATH"])) {
    fail(context, "command", `${program} is not a program, nor on PATH; a shell has to be named: [sh, -c, …]`);
  }
  return { kind: "command", command: command ?? [], username };
}

function fail({ path, faults }: CredentialsContext, key: string, message: string): false {
  faults.push({ path: `${path}.${key}`, message });
  return false;
}

/** A token goes into a header as it is. */
function checkToken(token: string, key: string, context: CredentialsContext): boolean {
  return /^[\x21-\x7e]+$/.test(token) || fail(context, key, "holds no token: a token is visible ASCII without spaces");
}

function readVariable(name: string, key: string, context: CredentialsContext): string | undefined {
  const value = context.environment[name];
  if (name.startsWith("ENTREPOT_"))
    fail(context, key, "must not begin with ENTREPOT_: those are the keys of the configuration");
  else if (value === undefined || value === "") fail(context, key, `the environment variable ${name} is not set`);
  else return value;
  return undefined;
}

function readSecret(file: string, key: string, context: CredentialsContext): string | undefined {
  try {
    const text = readFileSync(file, "utf8");
    if (text.trim() !== "") return text;
    fail(context, key, `${file} is empty`);
  } catch (error) {
    fail(context, key, `${file}: ${readFailure(error)}`);
  }
  return undefined;
}

function checkDockerConfig(file: string, context: CredentialsContext): void {
  const text = readSecret(file, "dockerConfig", context);
  if (text === undefined) return;
  try {
    const found = findDockerCredential(text, context.hosts);
    if (!found) fail(context, "dockerConfig", `${file} holds no credentials for ${context.hosts.join(" or ")}`);
    else if (found.kind === "helper") checkHelper(found.name, "dockerConfig", context);
  } catch (error) {
    if (!(error instanceof DockerConfigInvalid)) throw error;
    fail(context, "dockerConfig", `${file} ${error.message}`);
  }
}

function checkHelper(name: string, key: string, context: CredentialsContext): void {
  const program = `docker-credential-${name}`;
  if (!helperNamePattern.test(name))
    fail(context, key, "must be the part behind docker-credential-, such as ecr-login");
  else if (!isProgram(program, context.environment["PATH"])) fail(context, key, `${program} is not on PATH`);
}
