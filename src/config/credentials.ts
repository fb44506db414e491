import { readFileSync } from "node:fs";
import type { ConfigFault } from "./errors.ts";
import { readFailure } from "./file.ts";
import type { CredentialsDocument } from "./schema.ts";
import type { Credentials } from "./settings.ts";

/** The credentials that a section stands for: a token, or a user name with a password or a file that holds one. */
export function resolveCredentials(
  given: CredentialsDocument,
  path: string,
  faults: ConfigFault[],
): Credentials | undefined {
  const fault = shapeFault(given);
  if (fault !== undefined) {
    faults.push({ path, message: fault });
    return undefined;
  }
  if (given.token !== undefined) return { kind: "bearer", token: given.token };
  const password = given.password ?? readPassword(given.passwordFile ?? "", `${path}.passwordFile`, faults);
  return password === undefined ? undefined : { kind: "basic", username: given.username ?? "", password };
}

function shapeFault(given: CredentialsDocument): string | undefined {
  const secrets = [given.password, given.passwordFile, given.token].filter((secret) => secret !== undefined);
  if (secrets.length > 1) return "must have one of password, passwordFile and token, not several";
  if (secrets.length === 0) return "must have a username with a password or passwordFile, or a token";
  if (given.token !== undefined && given.username !== undefined) return "a token stands without a username";
  if (given.token === undefined && given.username === undefined) return "has a password but no username";
  if (given.username?.includes(":")) return "a username cannot hold a colon (RFC 7617 section 2)";
  return undefined;
}

function readPassword(file: string, path: string, faults: ConfigFault[]): string | undefined {
  try {
    const password = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    if (password !== "") return password;
    faults.push({ path, message: `${file} is empty` });
  } catch (error) {
    faults.push({ path, message: `${file}: ${readFailure(error)}` });
  }
  return undefined;
}
