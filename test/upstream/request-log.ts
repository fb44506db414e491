import type { IncomingHttpHeaders } from "node:http";

export type RequestKind =
  "ping" | "manifest-tag" | "manifest-digest" | "blob" | "upload" | "tags" | "referrers" | "token" | "cdn" | "other";

/** One request as the upstream saw it. The last six fields change while it is being answered. */
export interface LoggedRequest {
  /** Wall clock, milliseconds. */
  readonly at: number;
  readonly method: string;
  /** Without the query, not decoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly kind: RequestKind;
  readonly repository: string | undefined;
  /** Tag or digest. */
  readonly reference: string | undefined;
  readonly range: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, spelled as they were sent. */
  readonly rawHeaders: readonly string[];
  /** 0 until the response header has been sent. */
  status: number;
  /** When the first byte of the response's body was handed to the socket; wall clock, milliseconds and parts of them. */
  firstByteAt: number | undefined;
  /** Bytes of the response's body handed to the socket. */
  bytesSent: number;
  /** Bytes of the request's body that have come. */
  bytesReceived: number;
  /** How the exchange ended: sent whole, cut short by a temperament, or left by the client. */
  ended: "sent" | "cut" | "left" | undefined;
  /** Whether it was refused for want of a credential, before any rule was asked. */
  isRefused: boolean;
}

export type RequestFilter = Partial<
  Pick<LoggedRequest, "kind" | "method" | "repository" | "reference" | "range" | "status" | "ended" | "isRefused">
>;

export type RequestPredicate = (request: LoggedRequest) => boolean;

interface Waiter {
  matches: RequestPredicate;
  count: number;
  resolve: (requests: LoggedRequest[]) => void;
}

/** Every request an upstream was sent, in order of arrival. */
export class RequestLog {
  readonly entries: LoggedRequest[] = [];
  #waiters: Waiter[] = [];

  add(entry: LoggedRequest): void {
    this.entries.push(entry);
    this.notice();
  }

  /** Tells the waiters that an entry was added or changed. */
  notice(): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => {
      const found = this.entries.filter(waiter.matches);
      if (found.length < waiter.count) return true;
      waiter.resolve(found);
      return false;
    });
  }

  filter(filter: RequestFilter | RequestPredicate = {}): LoggedRequest[] {
    return this.entries.filter(toPredicate(filter));
  }

  count(filter: RequestFilter | RequestPredicate = {}): number {
    return this.filter(filter).length;
  }

  /** Bytes of all bodies sent in answer to the matching requests. */
  bytes(filter: RequestFilter | RequestPredicate = {}): number {
    return this.filter(filter).reduce((sum, entry) => sum + entry.bytesSent, 0);
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** Resolves with the matching requests once there are `count` of them; looked at again whenever an entry changes. */
  waitFor(filter: RequestFilter | RequestPredicate, count = 1): Promise<LoggedRequest[]> {
    return new Promise((resolve) => {
      this.#waiters.push({ matches: toPredicate(filter), count, resolve });
      this.notice();
    });
  }
}

function toPredicate(filter: RequestFilter | RequestPredicate): RequestPredicate {
  if (typeof filter === "function") return filter;
  const wanted = Object.entries(filter) as [keyof RequestFilter, unknown][];
  return (request) => wanted.every(([key, value]) => request[key] === value);
}
