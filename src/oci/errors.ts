const statuses = {
  NAME_INVALID: 400,
  DIGEST_INVALID: 400,
  GRANT_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  NAME_UNKNOWN: 404,
  MANIFEST_UNKNOWN: 404,
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_UNKNOWN: 404,
  NOT_FOUND: 404,
  UNSUPPORTED: 405,
  UNKNOWN: 500,
  BAD_UPSTREAM: 502,
  TOOMANYREQUESTS: 503,
  UNAVAILABLE: 503,
  UPSTREAM_TIMEOUT: 504,
} as const;

/** Why a request is refused. Some of these share a wire code, see `wireCodes`. */
export type ErrorCode = keyof typeof statuses;

const wireCodes: Partial<Record<ErrorCode, string>> = {
  BAD_UPSTREAM: "UNAVAILABLE",
  UPSTREAM_TIMEOUT: "UNAVAILABLE",
  NOT_FOUND: "UNSUPPORTED",
  GRANT_INVALID: "UNSUPPORTED",
};

export interface RegistryErrorOptions {
  detail?: Record<string, unknown>;
  /** Seconds, becomes Retry-After. */
  retryAfter?: number | undefined;
  /** Becomes WWW-Authenticate (RFC 9110 section 11.6.1). */
  challenge?: string | undefined;
  /** Members of Cache-Status of the caches that it was handed down by. */
  hops?: string | undefined;
  cause?: unknown;
}

/**
 * What a client may be told: a code, words, and a detail without secrets.
 * The status follows from the code (distribution-spec, "Error Codes").
 */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly code: ErrorCode;
  readonly detail: Record<string, unknown> | undefined;
  readonly retryAfter: number | undefined;
  readonly challenge: string | undefined;
  readonly hops: string | undefined;

  constructor(code: ErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.retryAfter = options.retryAfter;
    this.challenge = options.challenge;
    this.hops = options.hops;
  }

  get status(): number {
    return statuses[this.code];
  }

  /** The code as clients see it. */
  get wireCode(): string {
    return wireCodes[this.code] ?? this.code;
  }

  /** The JSON body of distribution-spec, "Error Codes". */
  toJSON(): { errors: { code: string; message: string; detail?: Record<string, unknown> }[] } {
    return { errors: [{ code: this.wireCode, message: this.message, ...(this.detail && { detail: this.detail }) }] };
  }
}
