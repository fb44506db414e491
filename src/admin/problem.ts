import { STATUS_CODES } from "node:http";
import type { ErrorRequestHandler, RequestHandler, Response } from "express";
import { OperationRefused } from "./operation-refused.ts";

/** A request that cannot be understood. The message says what to do, and goes to the client. */
export class RequestFault extends Error {
  override readonly name = "RequestFault";
  readonly kind = "request-fault";
  readonly status: 400 | 413 | 415;

  constructor(status: RequestFault["status"], message: string) {
    super(message);
    this.status = status;
  }
}

/** Sends a problem (RFC 9457). The title is the status in words, as that is what `about:blank` asks for. */
export function sendProblem(response: Response, status: number, detail: string): void {
  const problem = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail };
  response
    .status(status)
    .type("application/problem+json")
    .send(Buffer.from(JSON.stringify(problem)));
}

export const notFound: RequestHandler = (_request, response) => sendProblem(response, 404, "there is nothing here");

/** Refuses every other method; stands behind the routes that serve these. */
export function allowOnly(...methods: ("GET" | "POST" | "DELETE")[]): RequestHandler {
  const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  return (request, response) => {
    response.set("Allow", allowed);
    sendProblem(response, 405, `${request.method} is not possible here`);
  };
}

/** The end of every error: told in full to `onError`, and to the client without inner text, unless it is meant for it. */
export function errorFunnel(onError: (error: unknown) => void): ErrorRequestHandler {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters.
  return (error: unknown, _request, response, _next) => {
    const status = clientStatus(error);
    if (status === undefined) onError(error);
    if (response.headersSent) response.destroy();
    else if (status === undefined) sendProblem(response, 500, "something went wrong here; the log says more");
    else sendProblem(response, status, isForClient(error) ? error.message : "the request cannot be read");
  };
}

function isForClient(error: unknown): error is RequestFault | OperationRefused {
  return error instanceof RequestFault || error instanceof OperationRefused;
}

/** The status of an error of ours that is for the client, or of one that Express raised because of the request itself, such as a path with broken escapes. */
function clientStatus(error: unknown): number | undefined {
  if (isForClient(error)) return error.status;
  const status = error instanceof Error && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}
