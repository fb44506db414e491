import { readFileSync } from "node:fs";
import type { ConfigFault } from "./errors.ts";
import { readFailure } from "./file.ts";
import { parseHtpasswd } from "./htpasswd.ts";
import type { AccessDocument } from "./schema.ts";
import type { AccessMode, AccessRule, AccessSettings } from "./settings.ts";

const modesOfKeys = { htpasswdFile: "basic", rules: "basic", verdictFor: "upstream" } as const;

/** Who may pull; keys of another mode are faults, since somebody may believe that they protect something. */
export function resolveAccess(document: AccessDocument, faults: ConfigFault[]): AccessSettings {
  const mode = document.mode ?? "open";
  const { htpasswdFile, rules, verdictFor } = document;
  if (mode === "basic") checkUsers(htpasswdFile, faults);
  for (const [key, own] of Object.entries(modesOfKeys) as [keyof typeof modesOfKeys, AccessMode][]) {
    if (document[key] === undefined || own === mode) continue;
    faults.push({ path: `access.${key}`, message: `means something with access.mode: ${own} only` });
  }
  return {
    mode,
    htpasswdFile,
    rules: rules?.flatMap((rule, index) => resolveRule(rule, index, faults)),
    verdictForMs: verdictFor ?? 300_000,
  };
}

function resolveRule(
  { user, allow = [], deny = [] }: NonNullable<AccessDocument["rules"]>[number],
  index: number,
  faults: ConfigFault[],
): AccessRule[] {
  const path = `access.rules[${index}]`;
  if (user === undefined) faults.push({ path, message: "has no user" });
  if (allow.length + deny.length === 0) faults.push({ path, message: "allows nothing and denies nothing" });
  return user === undefined ? [] : [{ user, allow, deny }];
}

function checkUsers(file: string | undefined, faults: ConfigFault[]): void {
  const path = "access.htpasswdFile";
  if (file === undefined) {
    faults.push({ path, message: "is needed with access.mode: basic" });
    return;
  }
  try {
    const read = parseHtpasswd(readFileSync(file, "utf8"));
    for (const fault of read.faults) faults.push({ path, message: `${file}: ${fault}` });
  } catch (error) {
    faults.push({ path, message: `${file}: ${readFailure(error)}` });
  }
}
