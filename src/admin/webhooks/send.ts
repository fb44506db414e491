import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface Delivery {
  url: URL;
  headers: Record<string, string>;
  body: string;
  /** Aborted to give up. */
  signal: AbortSignal;
}

export interface Receipt {
  status: number;
  /** The field as it was sent. */
  retryAfter: string | undefined;
}

/** Connections are not kept: events are few. Proxies are those of the environment. */
const options = { keepAlive: false, proxyEnv: process.env };
const agents = { "http:": new HttpAgent(options), "https:": new HttpsAgent(options) };

/** Sends one POST and resolves to its answer; redirects are answers. What the body says is not read. Rejects where there is none. */
export function send({ url, headers, body, signal }: Delivery): Promise<Receipt> {
  const isSecure = url.protocol === "https:";
  const payload = Buffer.from(body);
  return new Promise((resolve, reject) => {
    const request = (isSecure ? httpsRequest : httpRequest)(url, {
      method: "POST",
      agent: agents[isSecure ? "https:" : "http:"],
      headers: { ...headers, "content-length": payload.length },
      signal,
    });
    request.on("error", reject);
    request.on("response", (response) => {
      resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] });
      response.on("error", () => undefined).destroy();
    });
    request.end(payload);
  });
}
