import { readFileSync } from "node:fs";
import type { ConfigFault } from "./errors.ts";
import { readFailure } from "./file.ts";
import type { WebhookDocument } from "./schema.ts";
import type { WebhookSettings } from "./settings.ts";

/** Who is told of events by POST. The secret is read in use, so that what has changed is noticed; what cannot be read is told now. */
export function resolveWebhooks(listed: readonly WebhookDocument[], faults: ConfigFault[]): WebhookSettings[] {
  const places = new Map<string, string>();
  return listed.flatMap(({ url, secretFile, only }, index) => {
    const path = `events.webhooks[${index}]`;
    if (url === undefined) faults.push({ path, message: "has no url" });
    if (secretFile === undefined) faults.push({ path, message: "has no secretFile, by which its receiver knows us" });
    else checkSecret(secretFile, `${path}.secretFile`, faults);
    if (url === undefined || secretFile === undefined) return [];
    const other = places.get(url);
    if (other === undefined) places.set(url, path);
    else faults.push({ path: `${path}.url`, message: `is that of ${other} already` });
    return [{ url, secretFile, only: only && [...new Set(only)] }];
  });
}

function checkSecret(file: string, path: string, faults: ConfigFault[]): void {
  try {
    if (readFileSync(file, "utf8").trim() === "") faults.push({ path, message: `${file} is empty` });
  } catch (error) {
    faults.push({ path, message: `${file}: ${readFailure(error)}` });
  }
}
