import type { ErrorCode } from "../oci/index.ts";

export type UpstreamErrorKind =
  "unreachable" | "timeout" | "unauthorized" | "denied" | "not-found" | "rate-limited" | "bad-response" | "offline";

/** An error of a parent cache, to be handed down as it is. */
export interface Told {
  code: ErrorCode;
  /** Its words; undefined for the answer to a HEAD, which has none. */
  message: string | undefined;
  /** What it says of the reason: of `detail`, the fields that caches of our kind write, as far as they are text. */
  detail: Readonly<Record<string, string>>;
  /** Its members of Cache-Status. */
  hops: string;
}

export interface UpstreamErrorOptions {
  upstream: string;
  /** The upstream's status, where there was an answer. */
  status?: number | undefined;
  /** Seconds the upstream asked us to wait. */
  retryAfter?: number | undefined;
  /**
   * Whether a 401 or 403 is a refusal to be believed: from the origin, with a registry's error body or a challenge, for
   * this repository, while our credentials are known to work (the token endpoint accepted them, or another repository
   * of this upstream answered lately). Otherwise our credentials are what is broken.
   */
  isRefusal?: boolean | undefined;
  /** Whether the same request may succeed if it is sent again shortly; after `retryAfter`, where that is set. */
  canRetry?: boolean | undefined;
  /** No request was made: an earlier failure is remembered, or the upstream is not to be asked at all. */
  isRecalled?: boolean | undefined;
  /** What a parent cache has to say of it. */
  told?: Told | undefined;
  cause?: unknown;
}

/** What went wrong with an upstream, in words that hold no URL query, header or credential. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly kind: UpstreamErrorKind;
  readonly upstream: string;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;
  readonly isRefusal: boolean;
  readonly canRetry: boolean;
  readonly isRecalled: boolean;
  readonly told: Told | undefined;

  constructor(kind: UpstreamErrorKind, message: string, options: UpstreamErrorOptions) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.upstream = options.upstream;
    this.status = options.status;
    this.retryAfter = options.retryAfter;
    this.isRefusal = options.isRefusal ?? false;
    this.canRetry = options.canRetry ?? false;
    this.isRecalled = options.isRecalled ?? false;
    this.told = options.told;
  }

  /** Whether asking again later can help; a refusal or an absence cannot be waited out. */
  get isTemporary(): boolean {
    return (
      this.kind === "unreachable" ||
      this.kind === "timeout" ||
      this.kind === "rate-limited" ||
      (this.status ?? 0) >= 500
    );
  }
}

/** A token service does not accept our credential: it answered 401 or 403. */
export class CredentialRefused extends UpstreamError {}
