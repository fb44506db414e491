import type { IncomingMessage } from "node:http";
import type { Change } from "../cache/index.ts";
import { parseDigest } from "../oci/index.ts";
import type { Push } from "./push.ts";

/** What a request that went well has changed at the registry; undefined for nothing that is kept here. */
export function changeOf({ operation, request }: Push, reply: IncomingMessage): Change | undefined {
  const { statusCode: status = 0, headers } = reply;
  if (status >= 300 || request.method === "GET" || request.method === "HEAD") return undefined;
  if (operation.kind === "blob") return undefined;
  if (operation.kind !== "manifest") return status === 201 ? { kind: "blob" } : undefined;
  return {
    kind: "manifest",
    how: request.method === "DELETE" ? "deleted" : "put",
    reference: operation.reference,
    digest: digestIn(headers["docker-content-digest"]),
    subject: digestIn(headers["oci-subject"]),
  };
}

function digestIn(value: string | string[] | undefined) {
  return parseDigest([value].flat()[0] ?? "");
}
