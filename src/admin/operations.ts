import type { EvictionReport, Explanation } from "../eviction/index.ts";
import type { Refreshed } from "../cache/index.ts";
import type { ImageDetail, ImagePage, ImageQuery } from "../inventory/index.ts";
import type { PinRow, TagPeriod } from "../metadata/index.ts";
import type { Digest, ImageName } from "../oci/index.ts";
import type { UpstreamView } from "./documents/upstreams.ts";
import type { Job } from "./jobs.ts";

/** What the admin API lets people ask and do; the application provides it. Images of `tagHistory` and `rollback` have a tag. */
export interface Operations {
  /** @throws CursorInvalid */
  images(query: ImageQuery): Promise<ImagePage>;
  /** Undefined for what is not stored. */
  image(image: ImageName): Promise<ImageView | undefined>;
  /** In the order of the configuration. */
  upstreams(): Promise<UpstreamView[]>;
  /** Undefined for what was never heard of. */
  explain(subject: ImageName | Digest): Promise<Explanation | undefined>;
  /** What `evictBytes` would do now; changes nothing. */
  plan(freeBytes: number): Promise<EvictionReport>;
  evictBytes(freeBytes: number): Promise<EvictionReport>;
  /** @throws OperationRefused for an image that is pinned or in use. */
  evictImage(image: ImageName, dryRun: boolean): Promise<EvictionReport | "absent">;
  pins(): PinRow[];
  /** `image` is the canonical text of a pattern; `platforms` are canonical, undefined means all. */
  putPin(image: string, platforms: readonly string[] | undefined): Promise<void>;
  dropPin(image: string): Promise<"dropped" | "from-config" | "absent">;
  /** Undefined for a tag that was never heard of. */
  tagHistory(image: ImageName): TagHistory | undefined;
  /** @throws OperationRefused for a tag that is not known, or a digest that cannot be served. */
  rollback(image: ImageName, digest: Digest | "release"): Promise<void>;
  /** @throws OperationRefused where one runs already. */
  startVerify(): Job;
  /**
   * `directory` is absolute.
   * @throws OperationRefused where one runs already, or for a directory that cannot be used.
   */
  startBackup(directory: string): Job;
  /**
   * Asks the upstream what a tag names, however fresh it is.
   * @throws OperationRefused also where the upstream fails.
   */
  refresh(image: ImageName): Promise<Refreshed>;
  /**
   * Reads the configuration again.
   * @throws OperationRefused with its faults; nothing has changed then
   */
  reload(): Promise<ReloadReport>;
  /** @throws OperationRefused where one runs already. */
  startWarm(wanted: WarmRequest): Job;
  job(id: string): Job | undefined;
  /** Whether it was running; it ends soon after. */
  cancelJob(id: string): boolean;
}

/** What has come of reading the configuration again, as paths of `config print`. */
export interface ReloadReport {
  changed: string[];
  /** What is written differently, and stays as it was until the next start. */
  needsRestart: string[];
}

/** One image with all that is known of it. */
export interface ImageView {
  subject: ImageName;
  image: ImageDetail;
  /** Newest first; empty for an image by its digest. */
  history: TagPeriod[];
  explanation: Explanation;
}

/** Images to be fetched ahead. `platforms` undefined: what suits best. */
export interface WarmRequest {
  images: readonly ImageName[];
  platforms: readonly string[] | "all" | undefined;
  /** So many images at once. */
  parallel: number;
}

export interface TagHistory {
  /** What a rollback serves instead of what the upstream names. */
  held: Digest | undefined;
  /** Newest first. */
  periods: TagPeriod[];
}
