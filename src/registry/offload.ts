import type { IncomingMessage } from "node:http";
import { parseRange } from "./range-header.ts";

/** What the nginx in front writes into its requests; a client's own field of that name it overwrites (deploy/nginx). */
const marker = "x-entrepot-offload";

/** Where nginx has the data directory for redirects of ours alone. */
const internalPrefix = "/entrepot-internal/";

/** Conditions that we do not look at, and nginx would, by the times of the file. */
const conditions = ["if-match", "if-unmodified-since", "if-modified-since"] as const;

/** One range in the form that clients write. */
const plainRange = /^bytes=(?:\d{1,18}-\d{0,18}|-\d{1,18})$/;

/** Leaves the sending of stored blobs to the nginx in front (`X-Accel-Redirect`). */
export interface Offload {
  /** Whether this request has come through an nginx that sends the file we name, just as we would. */
  isFor(request: IncomingMessage): boolean;
  /** Whether nginx asks again for what it was to send, because it could not open the file. */
  isAskedAgain(request: IncomingMessage): boolean;
}

/**
 * @param isProxy - Whether an address is one of `trustedProxies`. From elsewhere the marker says nothing: a client without
 * nginx in front of us would be left with an empty body.
 */
export function createOffload(how: "none" | "nginx", isProxy: (address: string) => boolean): Offload {
  const markerOf = ({ headers, socket }: IncomingMessage): string | undefined => {
    // A unix socket has no addresses.
    const isTrusted = socket.remoteAddress === undefined || isProxy(socket.remoteAddress);
    return how === "nginx" && isTrusted ? headers[marker]?.toString() : undefined;
  };
  return {
    isFor(request) {
      const { headers } = request;
      const isPlain = headers.range === undefined || isReadAlike(headers.range);
      return markerOf(request) === "1" && isPlain && conditions.every((name) => headers[name] === undefined);
    },
    isAskedAgain: (request) => markerOf(request) === "failed",
  };
}

/** Whether nginx makes of a Range what we make of it; of several, or of nonsense, it does not. */
function isReadAlike(range: string): boolean {
  return plainRange.test(range) && parseRange(range) !== undefined;
}

/**
 * The URI that nginx is redirected to.
 * @param path - Below the data directory, made of a digest alone.
 */
export function internalUri(path: string): string {
  return internalPrefix + path;
}
