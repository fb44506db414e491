import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface ConnectProxy {
  url: string;
  urlWithCredentials: string;
  /** Every tunnel that was asked for, and with what. */
  tunnels: { to: string | undefined; authorization: string | undefined }[];
}

/**
 * A proxy that makes tunnels (RFC 9110 section 9.3.6), all of them to loopback; closed after the test.
 * @param credentials `user:password` that it insists on.
 */
export async function startProxy(credentials?: string): Promise<ConnectProxy> {
  const tunnels: ConnectProxy["tunnels"] = [];
  const wanted = credentials === undefined ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
  const proxy = createServer();
  proxy.on("connect", (request, client) => {
    client.on("error", () => client.destroy());
    const authorization = request.headers["proxy-authorization"];
    tunnels.push({ to: request.url, authorization });
    if (wanted !== undefined && authorization !== wanted) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const server = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connected\r\n\r\n");
      server.pipe(client).pipe(server);
    });
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const authority = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return { url: `http://${authority}`, urlWithCredentials: `http://${credentials ?? ""}@${authority}`, tunnels };
}
