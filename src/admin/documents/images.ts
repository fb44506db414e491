import type { Image, ImageBlob, ImageDetail, ImageManifest, Missing, PlatformState } from "../../inventory/index.ts";
import type { Digest } from "../../oci/index.ts";
import { explanationDocument, tagHistoryItem, type ExplanationDocument, type TagHistoryItem } from "../documents.ts";
import type { ImageView } from "../operations.ts";
import { formatTime, type Time } from "./time.ts";

/** Null stands for an image that no index names for a platform. */
type WithPlatform<T> = Omit<T, "platform"> & { platform: string | null };

export interface MissingDocument extends WithPlatform<Omit<Missing, "bytes">> {
  bytes: number | null;
}

/** An item of `GET /api/v1/images`: a tag, or in `GET /api/v1/image` a manifest by its digest. */
export interface ImageDocument extends Pick<
  Image,
  "image" | "digest" | "kind" | "bytes" | "uniqueBytes" | "sharedBytes" | "pins" | "isHeld" | "isGone"
> {
  platforms: WithPlatform<PlatformState>[];
  firstFetchedAt: Time | null;
  /** Null for a manifest by its digest, which nobody need confirm. */
  checkedAt: Time | null;
  lastPulledAt: Time;
  offlineReady: { isReady: boolean; platforms: (string | null)[]; missing: MissingDocument[]; why: string | null };
}

/** The body of `GET /api/v1/images`. */
export interface ImagesDocument {
  items: ImageDocument[];
  nextCursor: string | null;
  /** On all pages. */
  total: number;
}

export interface ImageManifestDocument extends WithPlatform<
  Omit<ImageManifest, "mediaType" | "lastPulledAt" | "blobs">
> {
  mediaType: string | null;
  lastPulledAt: Time | null;
  blobs: (Omit<ImageBlob, "size"> & { size: number | null })[];
}

/** The body of `GET /api/v1/image`. */
export interface ImageDetailDocument extends ImageDocument {
  manifests: ImageManifestDocument[];
  referrers: { digest: Digest; kind: "image" | "index" }[];
  /** Of a tag, newest first. */
  history: TagHistoryItem[];
  explanation: ExplanationDocument;
}

export function imageDocument(image: Image): ImageDocument {
  const { platforms, offlineReady, firstFetchedAt, checkedAt, lastPulledAt, ...plain } = image;
  return {
    ...plain,
    platforms: platforms.map(orNull),
    firstFetchedAt: formatTime(firstFetchedAt),
    checkedAt: formatTime(checkedAt),
    lastPulledAt: formatTime(lastPulledAt),
    offlineReady: {
      isReady: offlineReady.isReady,
      platforms: offlineReady.platforms.map((platform) => platform ?? null),
      missing: offlineReady.missing.map((missing) => ({ ...orNull(missing), bytes: missing.bytes ?? null })),
      why: offlineReady.why ?? null,
    },
  };
}

export function imageDetailDocument({ image, history, explanation, subject }: ImageView): ImageDetailDocument {
  const { manifests, referrers, ...plain } = image satisfies ImageDetail;
  return {
    ...imageDocument(plain),
    manifests: manifests.map(({ mediaType, lastPulledAt, blobs, ...manifest }) => ({
      ...orNull(manifest),
      mediaType: mediaType ?? null,
      lastPulledAt: formatTime(lastPulledAt),
      blobs: blobs.map(({ size, ...blob }) => ({ ...blob, size: size ?? null })),
    })),
    referrers,
    history: history.map(tagHistoryItem),
    explanation: explanationDocument(subject, explanation),
  };
}

function orNull<T extends { platform: string | undefined }>({ platform, ...rest }: T): WithPlatform<T> {
  return { ...rest, platform: platform ?? null };
}
