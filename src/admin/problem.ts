import { STATUS_CODES } from "node:http";
import type { ErrorRequestHandler, RequestHandler, Response } from "express";

/** Sends a problem (RFC 9457). The title is the status in words, as that is what `about:blank` asks for. */
export function sendProblem(response: Response, status: number, detail: string): void {
  const problem = { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail };
  response
    .status(status)
    .type("application/problem+json")
    .send(Buffer.from(JSON.stringify(problem)));
}

export const notFound: RequestHandler = (_request, response) => sendProblem(response, 404, "there is nothing here");

/** Refuses every method but GET and HEAD; stands behind the route that serves those. */
export const readOnly: RequestHandler = (request, response) => {
  response.set("Allow", "GET, HEAD");
  sendProblem(response, 405, `${request.method} is not possible here`);
};

/** The end of every error: told in full to `onError`, and to the client without inner text. */
export function errorFunnel(onError: (error: unknown) => void): ErrorRequestHandler {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express knows an error handler by its four parameters.
  return (error: unknown, _request, response, _next) => {
    const status = clientStatus(error);
    if (status === undefined) onError(error);
    if (response.headersSent) response.destroy();
    else if (status === undefined) sendProblem(response, 500, "something went wrong here; the log says more");
    else sendProblem(response, status, "the request cannot be read");
  };
}

/** The status of an error that Express raised because of the request itself, such as a path with broken escapes. */
function clientStatus(error: unknown): number | undefined {
  const status = error instanceof Error && "status" in error ? error.status : undefined;
  return typeof status === "number" && status >= 400 && status < 500 ? status : undefined;
}
