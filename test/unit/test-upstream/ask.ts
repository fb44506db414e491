import { request as send, type Agent, type IncomingHttpHeaders } from "node:http";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json: () => unknown;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  agent?: Agent;
}

/** One request on its own connection; rejects where the answer is cut short or is no HTTP. Follows nothing. */
export function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, agent = false } = options;
    const request = send(url, { method, headers, agent }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(pieces);
        const json = (): unknown => JSON.parse(body.toString());
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, json });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

export function basic(user: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

export function bearer(answer: Answer): Record<string, string> {
  const { token } = answer.json() as { token: string };
  return { authorization: `Bearer ${token}` };
}
