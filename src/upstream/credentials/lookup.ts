import { dockerServer, DockerConfigInvalid, findDockerCredential, type DockerCredential } from "../../config/index.ts";
import type { CredentialOrigin, Credentials } from "../settings.ts";
import { CredentialFault } from "./credential-fault.ts";
import { checkToken, parseCommandOutput, parseHelperOutput } from "./program-output.ts";
import { keepAnswers } from "./kept-answers.ts";
import { runProgram } from "./program.ts";
import { watchFile } from "./watched-file.ts";

const programTimeoutMs = 10_000;

/** Finds a credential as it is now. */
/** @param isForced - What was found last was refused. @throws CredentialFault */
export type Lookup = (isForced: boolean) => Promise<Credentials>;

export interface LookupContext {
  /** Names of the registry in a config.json, the endpoint's own host first. */
  hosts: readonly string[];
  /** Wall clock, in ms. */
  now: () => number;
  closing: AbortSignal;
}

export function createLookup(origin: CredentialOrigin, context: LookupContext): Lookup {
  switch (origin.kind) {
    case "basic":
    case "bearer":
      return fromValue(origin);
    case "password-file":
      return fromFile(origin.file, context, (text) => {
        const { username } = origin;
        return { kind: "basic", username, password: text.replace(/\r?\n$/, "") };
      });
    case "token-file":
      return fromFile(origin.file, context, (text) => ({
        kind: "bearer",
        token: checkToken(text.trim(), origin.file),
      }));
    case "docker-config":
      return fromDockerConfig(origin.file, context);
    case "helper":
      return fromHelper(origin.name, dockerServer(context.hosts[0] ?? ""), context);
    case "command":
      return fromCommand(origin.command, origin.username, context);
  }
}

function fromValue(origin: Extract<CredentialOrigin, { kind: "basic" | "bearer" }>): Lookup {
  const credentials: Credentials =
    origin.kind === "basic"
      ? { kind: "basic", username: origin.username, password: origin.password }
      : { kind: "bearer", token: origin.token };
  return () => Promise.resolve(credentials);
}

function fromFile(path: string, { now }: LookupContext, read: (text: string) => Credentials): Lookup {
  const file = watchFile(path, now);
  return async (isForced) => read(await file.read(isForced));
}

/** The file is watched as any other; the helper that it may name is asked as one that is configured itself. */
function fromDockerConfig(path: string, context: LookupContext): Lookup {
  const file = watchFile(path, context.now);
  let helper: { id: string; look: Lookup } | undefined;
  return async (isForced) => {
    const found = readDockerConfig(await file.read(isForced), path, context.hosts);
    if (found.kind !== "helper") return found;
    const id = `${found.name} ${found.server}`;
    if (helper?.id !== id) helper = { id, look: fromHelper(found.name, found.server, context) };
    return helper.look(isForced);
  };
}

function fromHelper(name: string, server: string, context: LookupContext): Lookup {
  const program = `docker-credential-${name}`;
  return keepAnswers(context.now, async () => parseHelperOutput(await run([program, "get"], server, context), program));
}

function fromCommand(command: readonly string[], username: string | undefined, context: LookupContext): Lookup {
  const [program = ""] = command;
  return keepAnswers(context.now, async () => parseCommandOutput(await run(command, "", context), program, username));
}

function readDockerConfig(text: string, path: string, hosts: readonly string[]): DockerCredential {
  try {
    const found = findDockerCredential(text, hosts);
    if (found?.kind === "bearer") checkToken(found.token, path);
    if (found) return found;
  } catch (error) {
    if (error instanceof DockerConfigInvalid) throw new CredentialFault(`${path} ${error.message}`);
    throw error;
  }
  throw new CredentialFault(`${path} holds no credentials for ${hosts.join(" or ")}`);
}

function run(words: readonly string[], input: string, { closing }: LookupContext): Promise<string> {
  return runProgram(words, { input, timeoutMs: programTimeoutMs, closing });
}
