import { count, described, flag, list, object, oneOf, orNull, page, ref, text, time, type Schema } from "../schema.ts";

const kind = oneOf("image", "index", "unknown");
const platform = ref("PlatformOrNull");

const missing = object({
  platform,
  digest: ref("Digest"),
  what: oneOf("manifest", "config", "layer"),
  bytes: orNull(count),
});

const imageMembers = {
  image: ref("ImageName"),
  digest: ref("Digest"),
  kind,
  platforms: list(object({ platform, digest: ref("Digest"), isHere: flag, isComplete: flag })),
  bytes: count,
  uniqueBytes: described(count, "What nothing else needs"),
  sharedBytes: count,
  firstFetchedAt: orNull(time),
  checkedAt: described(orNull(time), "When the upstream last confirmed the tag"),
  lastPulledAt: time,
  pins: list(text),
  isHeld: described(flag, "Rolled back to this digest"),
  isGone: described(flag, "The upstream has said that there is no such tag any more"),
  offlineReady: described(
    object({
      isReady: flag,
      platforms: described(list(platform), "Those that are complete; null for an image that is in no index"),
      missing: list(missing, { maxItems: 21 }),
      why: described(orNull(text), "Why it is not ready, for people"),
    }),
    "Whether it could be pulled whole if every upstream vanished",
  ),
};

const manifest = object({
  digest: ref("Digest"),
  kind,
  platform,
  mediaType: orNull(text),
  size: count,
  isHere: flag,
  lastPulledAt: orNull(time),
  parents: list(ref("Digest")),
  blobs: list(
    object({
      digest: ref("Digest"),
      role: oneOf("config", "layer"),
      size: orNull(count),
      isHere: flag,
      sharedWith: list(ref("ImageName"), { maxItems: 20 }),
      sharedWithCount: described(count, "How many other manifests need it"),
    }),
  ),
});

const tagHistoryItem = object({ digest: ref("Digest"), firstSeen: time, lastSeen: time, isCurrent: flag });

export const imageSchemas: Readonly<Record<string, Schema>> = {
  Image: object(imageMembers),
  Images: page(ref("Image"), { total: count }),
  ImageDetail: object({
    ...imageMembers,
    manifests: list(manifest),
    referrers: list(object({ digest: ref("Digest"), kind: oneOf("image", "index") })),
    history: list(tagHistoryItem),
    explanation: ref("Explanation"),
  }),
  Explanation: object({
    subject: text,
    digest: ref("Digest"),
    kind: oneOf("image", "index", "blob", "unknown"),
    state: oneOf("present", "known", "doomed", "absent"),
    size: orNull(count),
    tags: list(object({ image: ref("ImageName"), relation: oneOf("current", "held", "earlier") })),
    neededBy: list(
      object({ digest: ref("Digest"), kind: oneOf("image", "index"), platform, images: list(ref("ImageName")) }),
    ),
    platforms: list(object({ digest: ref("Digest"), platform, isHere: flag })),
    pins: list(text),
    leasedUntil: orNull(time),
    firstFetchedAt: orNull(time),
    lastPulledAt: orNull(time),
    lastVerifiedAt: orNull(time),
    queue: orNull(object({ rank: { type: "integer", minimum: 1 } })),
    uniqueBytes: count,
    sharedBytes: count,
    departures: list(object({ image: orNull(text), reason: text, bytes: count, at: time })),
  }),
  TagHistory: page(tagHistoryItem, { image: ref("ImageName"), held: orNull(ref("Digest")) }),
  Rollback: object({ image: ref("ImageName"), held: orNull(ref("Digest")) }),
  Refresh: object({
    image: ref("ImageName"),
    before: orNull(ref("Digest")),
    after: orNull(ref("Digest")),
    outcome: oneOf("unchanged", "moved", "filled", "absent", "kept"),
    detail: orNull(text),
  }),
  Pin: object({
    image: described(text, "An image, or a pattern such as ghcr.io/org/app:v*"),
    origin: oneOf("config", "api"),
    platforms: described(orNull(list(ref("Platform"))), "Null: all"),
  }),
  Pins: page(ref("Pin")),
  Eviction: object({
    wantedBytes: count,
    freedBytes: count,
    keptSharedBytes: count,
    victims: list(
      object({
        digest: ref("Digest"),
        kind: oneOf("image", "index", "blob"),
        images: list(ref("ImageName")),
        lastPulledAt: time,
        bytes: count,
      }),
    ),
  }),
};
