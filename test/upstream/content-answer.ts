import { isDigest, mediaTypes } from "../../src/oci/index.ts";
import type { Asked } from "./asked.ts";
import { referrersIndex, referrersOf } from "./images.ts";
import { pageOf, type Paging } from "./pages.ts";
import { toPayload } from "./payload.ts";
import { rangedReply } from "./ranged-reply.ts";
import { emptyReply, errorReply, redirectReply, textReply, type Reply } from "./reply.ts";
import type { Repositories } from "./repositories.ts";

/** How the registry's own endpoints behave. May be changed at any time. */
export interface ContentSettings {
  /** False: 404, and the fallback tag exists. `html-redirect`: 303 to a web page, as ghcr.io does, and the fallback tag exists. */
  referrersApi: boolean | "html-redirect";
  /** Whether `artifactType` is honoured. */
  filtersReferrers: boolean;
  tagsPaging: Paging;
  referrersPaging: Paging;
}

export interface ContentSource {
  repositories: Repositories;
  settings: ContentSettings;
  ownUrl: string;
}

const webPagePath = "/-/v2/packages";

/** The answer of a well-behaved registry without authentication. */
export function answerContent(asked: Asked, source: ContentSource): Reply {
  if (asked.method !== "GET" && asked.method !== "HEAD") {
    return errorReply(405, "UNSUPPORTED", "the operation is unsupported", { allow: "GET, HEAD" });
  }
  if (asked.kind === "ping") return textReply(200, "application/json", "{}");
  if (asked.path === webPagePath) return textReply(200, "text/html; charset=utf-8", "<html>Packages</html>");
  if (asked.repository === undefined) return errorReply(404, "NAME_UNKNOWN", "repository name not known to registry");
  if (asked.path.includes("/blobs/")) return blobReply(asked, source);
  if (asked.kind === "tags") return tagsReply(asked, source);
  if (asked.kind === "referrers") return referrersReply(asked, source);
  return manifestReply(asked, source);
}

function manifestReply(asked: Asked, source: ContentSource): Reply {
  const repository = source.repositories.find(asked.repository ?? "");
  if (!repository) return errorReply(404, "NAME_UNKNOWN", "repository name not known to registry");
  const reference = asked.reference ?? "";
  const fallback = source.settings.referrersApi === true ? undefined : repository.referrersTags.get(reference);
  const digest = isDigest(reference) ? reference : (repository.tags.get(reference) ?? fallback);
  const manifest = digest && repository.manifests.get(digest);
  if (!manifest) return errorReply(404, "MANIFEST_UNKNOWN", "manifest unknown");
  const headers = {
    "docker-content-digest": manifest.digest,
    "docker-distribution-api-version": "registry/2.0",
    etag: `"${manifest.digest}"`,
  };
  if (asked.headers["if-none-match"] === headers.etag) return emptyReply(304, headers);
  const body = toPayload(manifest.bytes);
  const length = String(body.size);
  return { status: 200, headers: { ...headers, "content-type": manifest.mediaType, "content-length": length }, body };
}

function blobReply(asked: Asked, source: ContentSource): Reply {
  const digest = asked.reference ?? "";
  const blob = source.repositories.find(asked.repository ?? "")?.blobs.get(digest);
  if (!blob) return errorReply(404, "BLOB_UNKNOWN", "blob unknown to registry");
  const headers = {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    etag: `"${digest}"`,
  };
  return rangedReply(blob, headers, asked.method === "GET" ? asked.range : undefined);
}

function tagsReply(asked: Asked, source: ContentSource): Reply {
  const name = asked.repository ?? "";
  const repository = source.repositories.find(name);
  if (!repository) return errorReply(404, "NAME_UNKNOWN", "repository name not known to registry");
  const fallbacks = source.settings.referrersApi === true ? [] : repository.referrersTags.keys();
  const sorted = [...new Set([...repository.tags.keys(), ...fallbacks])].sort();
  const page = pageOf(sorted, { ...asked, ownUrl: source.ownUrl }, source.settings.tagsPaging);
  return textReply(200, "application/json", JSON.stringify({ name, tags: page.entries }), page.headers);
}

function referrersReply(asked: Asked, source: ContentSource): Reply {
  const { settings, repositories, ownUrl } = source;
  if (settings.referrersApi === "html-redirect") return redirectReply(webPagePath, 303);
  if (!settings.referrersApi) return textReply(404, "text/plain", "404 page not found\n");
  const subject = asked.reference ?? "";
  if (!isDigest(subject)) return errorReply(400, "DIGEST_INVALID", "provided digest did not match its grammar");
  const artifactType = settings.filtersReferrers ? asked.query.get("artifactType") : null;
  const found = referrersOf(repositories, asked.repository ?? "", subject).filter(
    (descriptor) => artifactType === null || descriptor["artifactType"] === artifactType,
  );
  const byDigest = new Map(found.map((descriptor) => [String(descriptor["digest"]), descriptor]));
  const page = pageOf([...byDigest.keys()].sort(), { ...asked, ownUrl }, settings.referrersPaging);
  const manifests = page.entries.map((digest) => byDigest.get(digest) ?? {});
  const filters: Record<string, string> = artifactType === null ? {} : { "oci-filters-applied": "artifactType" };
  return textReply(200, mediaTypes.ociIndex, JSON.stringify(referrersIndex(manifests)), {
    ...page.headers,
    ...filters,
  });
}
