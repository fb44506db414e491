import type { PushScope } from "../upstream/index.ts";
import type { Push } from "./push.ts";

/** What the registry is to allow for this request: registries tell the action by the method (distribution, "Token Scope"). */
export function scopesOf({ request, operation, repository }: Push): PushScope[] {
  const own: PushScope = { repository, actions: request.method === "DELETE" ? ["pull", "delete"] : ["pull", "push"] };
  const from = operation.kind === "start" ? operation.mount?.from : undefined;
  return from === undefined || from === repository ? [own] : [own, { repository: from, actions: ["pull"] }];
}
