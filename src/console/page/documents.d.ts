// What the admin API answers, as the page reads it. A test holds these against the types of src/admin.

export type Time = string;

export interface Stats {
  version: string;
  startedAt: Time;
  uptimeSeconds: number;
  requests: { total: number; byOutcome: { hit: number; stale: number; [outcome: string]: number } };
  servedBytes: number;
  fetchedBytes: number;
  savedBytes: number;
  store: {
    bytes: number;
    maxBytes: number;
    freeBytes: number;
    reservedBytes: number;
    isPassthrough: boolean;
    blobs: number;
    manifests: number;
    tags: number;
    repositories: number;
  };
  flights: { running: number; followers: number };
  requestsByClient: Record<string, { requests: number; lastAt: Time | null }>;
  offline: { readyTags: number; incompleteTags: number; countedAt: Time | null };
  listen: { pull: readonly string[] };
}

export interface Fill {
  digest: string;
  upstream: string;
  repository: string;
  bytes: number;
  totalBytes: number | null;
  readers: number;
  startedAt: Time;
}

export interface HistoryPoint {
  at: Time;
  requests: number;
  hits: number;
  stale: number;
  filled: number;
  errors: number;
  servedBytes: number;
  savedBytes: number;
  fetchedBytes: number;
}

export interface Activity {
  fills: Fill[];
  history: { stepSeconds: number; points: HistoryPoint[] };
}

export interface List<T> {
  items: T[];
  nextCursor: string | null;
}

export interface UpstreamItem {
  name: string;
  isDefault: boolean;
  offline: boolean;
  push: string;
  endpoints: { host: string; isOrigin: boolean; breaker: "closed" | "open" | "probing"; openUntil: Time | null }[];
  quota: {
    limit: number | null;
    remaining: number | null;
    resetAt: Time | null;
    source: string | null;
    isLow: boolean;
    limitedUntil: Time | null;
    pulls: number;
  };
  requests: number;
  fetchedBytes: number;
  savedBytes: number;
  failures: number;
}

export type UpstreamList = List<UpstreamItem>;

export interface ImageItem {
  image: string;
  digest: string;
  kind: "image" | "index" | "unknown";
  platforms: { platform: string | null; digest: string; isHere: boolean; isComplete: boolean }[];
  bytes: number;
  uniqueBytes: number;
  sharedBytes: number;
  firstFetchedAt: Time | null;
  checkedAt: Time | null;
  lastPulledAt: Time | null;
  pins: readonly string[];
  isHeld: boolean;
  isGone: boolean;
  offlineReady: {
    isReady: boolean;
    platforms: (string | null)[];
    missing: { platform: string | null; digest: string; what: string; bytes: number | null }[];
    why: string | null;
  };
}

export interface ImageList extends List<ImageItem> {
  total: number;
}

export interface ImageBlob {
  digest: string;
  role: "config" | "layer";
  size: number | null;
  isHere: boolean;
  sharedWith: readonly string[];
  sharedWithCount: number;
}

export interface ImageManifest {
  digest: string;
  kind: "image" | "index" | "unknown";
  platform: string | null;
  mediaType: string | null;
  size: number;
  isHere: boolean;
  lastPulledAt: Time | null;
  parents: readonly string[];
  blobs: ImageBlob[];
}

export interface TagPeriod {
  digest: string;
  firstSeen: Time;
  lastSeen: Time;
  isCurrent: boolean;
}

export interface Explanation {
  subject: string;
  digest: string;
  kind: "image" | "index" | "blob" | "unknown";
  state: "present" | "known" | "doomed" | "absent";
  size: number | null;
  tags: { image: string; relation: "current" | "held" | "earlier" }[];
  neededBy: { digest: string; kind: "image" | "index"; platform: string | null; images: string[] }[];
  platforms: { digest: string; platform: string | null; isHere: boolean }[];
  pins: readonly string[];
  leasedUntil: Time | null;
  firstFetchedAt: Time | null;
  lastPulledAt: Time | null;
  lastVerifiedAt: Time | null;
  queue: { rank: number } | null;
  uniqueBytes: number;
  sharedBytes: number;
  departures: { image: string | null; reason: string; bytes: number; at: Time }[];
}

export interface ImageDetail extends ImageItem {
  manifests: ImageManifest[];
  referrers: { digest: string; kind: string }[];
  history: TagPeriod[];
  explanation: Explanation;
}

export interface EvictionReport {
  wantedBytes: number;
  freedBytes: number;
  keptSharedBytes: number;
  victims: {
    digest: string;
    kind: "image" | "index" | "blob";
    images: string[];
    lastPulledAt: Time;
    bytes: number;
  }[];
}

export interface Refreshed {
  image: string;
  before: string | null;
  after: string | null;
  outcome: "unchanged" | "moved" | "filled" | "absent" | "kept";
  detail: string | null;
}

export interface WarmItem {
  image: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  bytes: number;
  totalBytes: number;
  blobs: number;
  totalBlobs: number;
  fetchedBytes: number;
  fetchedBlobs: number;
  presentBlobs: number;
  error: string | null;
}

export interface WarmResult {
  fetched: { images: number; blobs: number; bytes: number };
  present: { blobs: number; bytes: number };
  failed: { image: string; error: string }[];
}

export interface WarmJob {
  id: string;
  kind: string;
  state: "running" | "done" | "failed" | "cancelled";
  startedAt: Time;
  endedAt: Time | null;
  progress: { blobs: number; totalBlobs: number; bytes: number; totalBytes: number };
  items: WarmItem[];
  result: WarmResult | null;
  error: string | null;
}

export interface EntrepotEvent {
  id: string;
  at: Time;
  image?: string | null;
  kind: "tag-moved" | "evicted" | "corrupt" | "upstream-down" | "upstream-up" | "quota-low";
  [field: string]: unknown;
}
