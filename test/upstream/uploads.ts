import { randomUUID } from "node:crypto";
import { digestOf, isDigest, parseManifest } from "../../src/oci/index.ts";
import type { Asked } from "./asked.ts";
import { emptyReply, errorReply, type Reply } from "./reply.ts";
import type { Repositories } from "./repositories.ts";

/** How pushes are taken (distribution-spec, "Push"). May be changed at any time. */
export interface PushSettings {
  /** False: mounts become ordinary uploads. */
  mounts: boolean;
  /** How the Location of an upload is written; `elsewhere` is on the origin of the CDN, which takes no credentials. */
  location: "absolute" | "relative" | "elsewhere" | { url: string };
}

interface Upload {
  repository: string;
  received: Buffer[];
  bytes: number;
  /** Signs the Location: each of them is good for one request, as with docker-registry. */
  state: string;
}

const defaults: PushSettings = { mounts: true, location: "absolute" };

/** What of a push has come so far, and the answers to the requests that it is made of. */
export class Uploads {
  readonly settings: PushSettings;
  readonly #repositories: Repositories;
  readonly #uploads = new Map<string, Upload>();
  #origins = { own: "", elsewhere: "" };

  constructor(settings: Partial<PushSettings>, repositories: Repositories) {
    this.settings = { ...defaults, ...settings };
    this.#repositories = repositories;
  }

  setOrigins(own: string, elsewhere: string): void {
    this.#origins = { own, elsewhere };
  }

  /** Unfinished ones. */
  get open(): number {
    return this.#uploads.size;
  }

  /** The answer to a request that writes, or asks about an upload; undefined for any other. */
  answer(asked: Asked, body: Buffer): Reply | undefined {
    const { method, kind } = asked;
    if (kind === "upload") return method === "POST" ? this.#begin(asked, body) : this.#continue(asked, body);
    if (kind === "blob" && method === "DELETE") return this.#deleteBlob(asked);
    if (kind !== "manifest-tag" && kind !== "manifest-digest") return undefined;
    if (method === "PUT") return this.#putManifest(asked, body);
    return method === "DELETE" ? this.#deleteManifest(asked) : undefined;
  }

  #begin(asked: Asked, body: Buffer): Reply {
    const repository = asked.repository ?? "";
    const mount = asked.query.get("mount");
    const from = asked.query.get("from");
    const mounted = mount !== null && from !== null && this.#repositories.find(from)?.blobs.get(mount);
    if (mounted && this.settings.mounts) {
      this.#repositories.pushBlob(repository, mounted, { as: asDigest(mount) });
      return this.#created(`/v2/${repository}/blobs/${mount}`, mount);
    }
    const digest = asked.query.get("digest");
    if (digest !== null) return this.#store(repository, digest, body);
    const id = randomUUID();
    const upload: Upload = { repository, received: [], bytes: 0, state: randomUUID() };
    this.#uploads.set(id, upload);
    return this.#progress(id, upload, 202);
  }

  #continue(asked: Asked, body: Buffer): Reply {
    const id = asked.reference ?? "";
    const upload = this.#uploads.get(id);
    if (!upload || upload.repository !== asked.repository || upload.state !== asked.query.get("_state")) {
      return errorReply(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
    }
    if (asked.method === "GET") return this.#progress(id, upload, 204);
    if (asked.method === "DELETE") {
      this.#uploads.delete(id);
      return emptyReply(204);
    }
    const start = /^(\d+)-\d+$/.exec(asked.headers["content-range"] ?? "")?.[1];
    if (start !== undefined && Number(start) !== upload.bytes) return this.#progress(id, upload, 416);
    upload.received.push(body);
    upload.bytes += body.length;
    upload.state = randomUUID();
    if (asked.method === "PATCH") return this.#progress(id, upload, 202);
    this.#uploads.delete(id);
    return this.#store(upload.repository, asked.query.get("digest") ?? "", Buffer.concat(upload.received));
  }

  #store(repository: string, digest: string, bytes: Buffer): Reply {
    if (digestOf(bytes) !== digest) return errorReply(400, "DIGEST_INVALID", "provided digest did not match content");
    this.#repositories.pushBlob(repository, bytes);
    return this.#created(`/v2/${repository}/blobs/${digest}`, digest);
  }

  #putManifest(asked: Asked, body: Buffer): Reply {
    const { repository = "", reference = "" } = asked;
    const held = this.#repositories.find(repository);
    const { edges } = parseManifest(body);
    const missing = edges.find(
      ({ role, digest }) => (role === "config" || role === "layer") && held?.blobs.has(digest) !== true,
    );
    if (missing) return errorReply(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
    const { digest } = this.#repositories.pushManifest(
      repository,
      reference,
      body,
      asked.headers["content-type"] ?? "application/octet-stream",
    );
    const subject = edges.find(({ role }) => role === "subject");
    const created = this.#created(`/v2/${repository}/manifests/${digest}`, digest);
    return { ...created, headers: { ...created.headers, ...(subject && { "oci-subject": subject.digest }) } };
  }

  #deleteManifest({ repository = "", reference = "" }: Asked): Reply {
    const held = this.#repositories.find(repository);
    const digest = isDigest(reference) ? reference : held?.tags.get(reference);
    if (!held || digest === undefined || !held.manifests.has(digest)) {
      return errorReply(404, "MANIFEST_UNKNOWN", "manifest unknown");
    }
    if (!isDigest(reference)) held.tags.delete(reference);
    else {
      held.manifests.delete(digest);
      for (const [tag, named] of held.tags) if (named === digest) held.tags.delete(tag);
    }
    return emptyReply(202);
  }

  #deleteBlob({ repository = "", reference = "" }: Asked): Reply {
    const isGone = this.#repositories.find(repository)?.blobs.delete(reference) ?? false;
    return isGone ? emptyReply(202) : errorReply(404, "BLOB_UNKNOWN", "blob unknown to registry");
  }

  #created(path: string, digest: string): Reply {
    return emptyReply(201, {
      location: `${this.#origins.own}${path}`,
      "docker-content-digest": digest,
      "content-length": "0",
    });
  }

  #progress(id: string, upload: Upload, status: number): Reply {
    const path = `/v2/${upload.repository}/blobs/uploads/${id}?_state=${upload.state}`;
    const { location } = this.settings;
    const { own, elsewhere } = this.#origins;
    const prefixes = { absolute: own, relative: "", elsewhere };
    return emptyReply(status, {
      location: typeof location === "string" ? `${prefixes[location]}${path}` : location.url,
      range: `0-${Math.max(0, upload.bytes - 1)}`,
      "docker-upload-uuid": id,
      "content-length": "0",
    });
  }
}

function asDigest(text: string) {
  if (!isDigest(text)) throw new Error(`${text} is no digest`);
  return text;
}
