import { once } from "node:events";
import { request as sendPlain, type IncomingMessage, type RequestOptions } from "node:http";
import { createServer, request as sendTls } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type { PushDestination } from "../../../src/upstream/index.ts";
import { certificate, privateKey } from "./certificate.ts";
import { startProxy } from "./connect-proxy.ts";
import { openGate } from "./fixture.ts";

async function startTls(): Promise<string> {
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    request.resume().on("end", () => response.end(request.url));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

/** The body of the answer to a POST, or the code of what kept it from coming. */
async function post({ url, agent }: PushDestination): Promise<string> {
  const send = url.protocol === "https:" ? sendTls : sendPlain;
  const options: RequestOptions = { method: "POST", agent };
  const outgoing = send(url, options);
  outgoing.end("a body");
  try {
    const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
    return Buffer.concat(await reply.toArray()).toString();
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

describe("the connection of a push", () => {
  it("trusts the upstream's own certificates, and no others", async () => {
    const url = await startTls();
    expect(await post(openGate(url, { ca: certificate }).gate.home("a"))).toBe("/v2/a");
    expect(await post(openGate(url).gate.home("a"))).toMatch(/CERT/);
  });

  it("goes through the upstream's proxy, with the proxy's own credentials and its whole path untouched", async () => {
    const url = await startTls();
    const proxy = await startProxy("me:canary");
    const { gate } = openGate(url, { ca: certificate, proxy: proxy.urlWithCredentials });
    const path = "org/app/blobs/uploads/1?_state=a%2Fb//c==";
    expect(await post(gate.home(path))).toBe(`/v2/${path}`);
    expect(proxy.tunnels).toEqual([
      { to: new URL(url).host, authorization: `Basic ${Buffer.from("me:canary").toString("base64")}` },
    ]);
  });

  it("does not reach a private address behind a name, where only public ones may be reached", async () => {
    const { gate } = openGate("https://registry.test", { allowPrivateRedirects: false });
    const elsewhere = gate.follow(new URL("https://registry.test/v2/"), "https://uploads.test/1", 202);
    const { agent } = elsewhere;
    // The name that surely resolves to loopback stands for one whose owner has it do so.
    expect(await post({ url: new URL("https://localhost/1"), isElsewhere: true, agent })).toBe(
      "ENTREPOT_FORBIDDEN_ADDRESS",
    );
  });
});
