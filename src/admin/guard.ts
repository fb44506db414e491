import type { Request, RequestHandler } from "express";
import { isSameToken } from "./admin-token.ts";
import { isLoopbackHost } from "./loopback-host.ts";
import { sendProblem } from "./problem.ts";

export interface GuardOptions {
  token: string;
  /** Whether only this machine reaches the listener by its address. */
  isLoopback: boolean;
  /** Whether the listener is a unix socket, which the rights of its file guard. */
  isUnixSocket: boolean;
}

/**
 * Who may use the admin API: whoever has the token; on loopback everyone may read, and over a unix socket write too,
 * who calls us by a loopback name. A page of another site that has its own name point to 127.0.0.1 (DNS rebinding) calls
 * us by that name, and so does who comes to the socket through another server.
 */
export function createGuard({ token, isLoopback, isUnixSocket }: GuardOptions): RequestHandler {
  return (request, response, next) => {
    const given = bearerToken(request);
    const isFree = isUnixSocket || (isLoopback && isReading(request));
    if (given !== undefined && isSameToken(given, token)) next();
    else if (given !== undefined || !isFree) {
      response.set(
        "WWW-Authenticate",
        `Bearer realm="entrepot admin"${given === undefined ? "" : ', error="invalid_token"'}`,
      );
      sendProblem(response, 401, given === undefined ? "the admin token is needed" : "this is not the admin token");
    } else if (isLoopbackHost(request.headers.host)) next();
    else sendProblem(response, 403, "the Host header is not a loopback name; with the admin token any name will do");
  };
}

function isReading({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function bearerToken(request: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
}
