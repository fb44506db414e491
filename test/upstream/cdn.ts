import type { Asked } from "./asked.ts";
import { redirectReply, textReply, type Reply } from "./reply.ts";
import { RequestLog } from "./request-log.ts";

/** Where blobs, and manifests if wanted, are redirected to. May be changed at any time. */
export interface RedirectSettings {
  blobs: boolean;
  manifests: boolean;
  status: 301 | 302 | 303 | 307 | 308;
  /** `single-use`: the second request with the same address is refused; `expiring`: after `expiresInMs`. */
  signature: "none" | "single-use" | "expiring";
  expiresInMs: number;
  /** How every signature begins. */
  keyPrefix: string;
  /** The signature covers GET only: HEAD is 403 (S3, pkg-containers.githubusercontent.com). */
  refusesHead: boolean;
  /** False: the registry answers HEAD itself. */
  redirectsHead: boolean;
}

interface Signature {
  path: string;
  isUsed: boolean;
  expiresAt: number;
}

const defaults: RedirectSettings = {
  blobs: false,
  manifests: false,
  status: 307,
  signature: "single-use",
  expiresInMs: 300_000,
  keyPrefix: "signature",
  refusesHead: false,
  redirectsHead: true,
};

/** The second origin: signed addresses, and what is behind them. */
export class Cdn {
  readonly settings: RedirectSettings;
  readonly requests = new RequestLog();
  readonly #signatures = new Map<string, Signature>();
  readonly #now: () => number;
  url = "";

  constructor(settings: Partial<RedirectSettings>, now: () => number) {
    this.settings = { ...defaults, ...settings };
    this.#now = now;
  }

  /** The redirect for a successful reply of the registry, or undefined where it answers itself. */
  redirect(asked: Asked): Reply | undefined {
    const isManifest = asked.kind === "manifest-tag" || asked.kind === "manifest-digest";
    if (!(asked.kind === "blob" ? this.settings.blobs : isManifest && this.settings.manifests)) return undefined;
    if (asked.method === "HEAD" && !this.settings.redirectsHead) return undefined;
    const key = `${this.settings.keyPrefix}-${this.#signatures.size + 1}`;
    this.#signatures.set(key, {
      path: asked.path,
      isUsed: false,
      expiresAt: this.#now() + this.settings.expiresInMs,
    });
    return redirectReply(`${this.url}${asked.path}?X-Amz-Signature=${key}`, this.settings.status);
  }

  /** Refuses what object stores refuse; undefined where the content may be served. */
  refuse(asked: Asked): Reply | undefined {
    if (asked.headers.authorization !== undefined) return storeError(400, "InvalidArgument");
    if (asked.method === "HEAD" && this.settings.refusesHead) return storeError(403, "SignatureDoesNotMatch");
    if (this.settings.signature === "none") return undefined;
    const signature = this.#signatures.get(asked.query.get("X-Amz-Signature") ?? "");
    if (signature?.path !== asked.path) return storeError(403, "SignatureDoesNotMatch");
    const isOver = this.settings.signature === "expiring" ? this.#now() >= signature.expiresAt : signature.isUsed;
    if (isOver) return storeError(403, "AccessDenied");
    signature.isUsed = true;
    return undefined;
  }

  /** No signature given out so far is good any more. */
  revokeSignatures(): void {
    for (const signature of this.#signatures.values()) Object.assign(signature, { isUsed: true, expiresAt: 0 });
  }
}

function storeError(status: number, code: string): Reply {
  return textReply(status, "application/xml", `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
}
