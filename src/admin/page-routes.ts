import { Router } from "express";
import type { Page, PageFile } from "../console/index.ts";
import { isLoopbackHost } from "./loopback-host.ts";
import { allowOnly, sendProblem } from "./problem.ts";

export interface PageOptions {
  page: Page;
  isLoopback: boolean;
  isUnixSocket: boolean;
}

const headers = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  // Asked about each time: a page of an earlier version would not fit the API.
  "Cache-Control": "no-cache",
};

/** The web page: files that are the same for everyone, so that no token is asked for; what they show comes from the API. */
export function pageRoutes({ page, isLoopback, isUnixSocket }: PageOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const [path, file] of page) {
    router.get(path, (request, response) => {
      if ((isLoopback || isUnixSocket) && !isLoopbackHost(request.headers.host)) {
        sendProblem(response, 403, "the Host header is not a loopback name");
        return;
      }
      response.set({ ...headers, ETag: file.etag });
      if (request.fresh) response.status(304).end();
      else sendFile(response, file);
    });
    router.all(path, allowOnly("GET"));
  }
  return router;
}

function sendFile(
  response: { setHeader(name: string, value: string): unknown; send(body: Buffer): unknown },
  file: PageFile,
): void {
  // Not `set`: Express would add a charset of its own.
  response.setHeader("Content-Type", file.contentType);
  response.send(file.body);
}
