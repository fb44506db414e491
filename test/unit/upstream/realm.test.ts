import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";

import { judgeRealm } from "../../../src/upstream/authorization/realm.ts";
import { startUpstream } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, tagged, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

function judge(realm: string | undefined, endpoint: string, tokenHosts: string[] = [], isPrivateAllowed = false) {
  const verdict = judgeRealm(realm, new URL(endpoint), { tokenHosts, isPrivateAllowed });
  return verdict.isAllowed ? (verdict.isGuarded ? "guarded" : "open") : "refused";
}

describe("judgeRealm", () => {
  it.each([
    ["https://ghcr.io/token", "https://ghcr.io", "open"],
    ["https://registry.corp:8443/token", "https://registry.corp:5443", "open"],
    ["http://127.0.0.1:7000/token", "http://127.0.0.1:5000", "open"],
    ["https://127.0.0.1:7000/token", "http://127.0.0.1:5000", "open"],
    ["https://auth.docker.io/token", "https://registry-1.docker.io", "guarded"],
    ["https://authn.nvidia.com/token", "https://nvcr.io", "guarded"],
    ["https://nvcr.io/proxy_auth", "https://nvcr.io", "open"],
    ["https://gitlab.com/jwt/auth", "https://registry.gitlab.com", "guarded"],
    ["https://docker-auth.elastic.co/auth", "https://docker.elastic.co", "guarded"],
    ["https://public.ecr.aws/token/", "https://public.ecr.aws", "open"],
    ["https://REGISTRY.corp/token", "https://registry.corp", "open"],
  ])("allows %s for %s", (realm, endpoint, expected) => {
    expect(judge(realm, endpoint)).toBe(expected);
  });

  it.each([
    ["https://evil.test/token", "https://registry-1.docker.io"],
    ["https://auth.docker.io.evil.test/token", "https://registry-1.docker.io"],
    ["https://auth.docker.io/token", "https://mirror.example"],
    ["https://auth.docker.io/token", "https://ghcr.io"],
    ["http://auth.docker.io/token", "https://registry-1.docker.io"],
    ["http://ghcr.io/token", "https://ghcr.io"],
    ["http://127.0.0.2/token", "http://127.0.0.1:5000"],
    ["https://sub.registry.corp/token", "https://registry.corp"],
    ["https://me:secret@ghcr.io/token", "https://ghcr.io"],
    ["https://ghcr.io@evil.test/token", "https://ghcr.io"],
    ["file:///etc/passwd", "https://ghcr.io"],
    ["//ghcr.io/token", "https://ghcr.io"],
    ["", "https://ghcr.io"],
    [undefined, "https://ghcr.io"],
  ])("refuses %s for %s", (realm, endpoint) => {
    expect(judge(realm, endpoint)).toBe("refused");
  });

  it("allows the configured token hosts over https, wherever they are", () => {
    const endpoint = "https://registry.corp";
    expect(judge("https://sso.corp/token", endpoint, ["sso.corp"])).toBe("open");
    expect(judge("https://sso.corp:8443/token", endpoint, ["SSO.corp:8443"])).toBe("open");
    expect(judge("https://sso.corp:8443/token", endpoint, ["sso.corp:443"])).toBe("refused");
    expect(judge("https://sso.corp/token", endpoint, ["sso.corp:443"])).toBe("open");
    expect(judge("http://sso.corp/token", "http://registry.corp", ["sso.corp"])).toBe("refused");
  });

  it("opens the guard of known token hosts only where private addresses are allowed", () => {
    expect(judge("https://auth.docker.io/token", "https://registry-1.docker.io", [], true)).toBe("open");
  });
});

/** A listener that counts connections and keeps everything it is sent. */
async function listen() {
  const received = { connections: 0, text: "" };
  const server = createServer((socket) => {
    received.connections += 1;
    socket.on("error", () => undefined).on("data", (chunk) => (received.text += chunk.toString("latin1")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.2", resolve));
  onTestFinished(() => void server.close());
  return { received, port: (server.address() as AddressInfo).port };
}

describe("a credential", () => {
  const canary = "canary-5f2e9c";

  it.each([
    (port: number) => `https://127.0.0.2:${port}/token`,
    (port: number) => `http://127.0.0.2:${port}/token`,
    (port: number) => `http://127.0.0.1@127.0.0.2:${port}/token`,
    (port: number) => `http://127.0.0.2:${port}/token?host=127.0.0.1`,
  ])("never reaches a hostile realm, nor does any request (%#)", async (realmAt) => {
    const hostile = await listen();
    const registry = await startUpstream({ auth: { kind: "bearer", realm: realmAt(hostile.port) } });
    onTestFinished(() => registry.close());
    const { upstream, reports } = connect(registry.url, {
      credentials: { kind: "basic", username: "me", password: canary },
    });
    const error = await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(error).toMatchObject({ kind: "unauthorized", isRefusal: false });
    expect(error.message).toContain(`127.0.0.2:${hostile.port}`);
    expect(error.message).not.toMatch(/token\?|host=|@/);
    expect(hostile.received).toEqual({ connections: 0, text: "" });
    expect(reports.tokens).toEqual([]);
    expect(JSON.stringify(registry.requests.entries)).not.toContain(Buffer.from(`me:${canary}`).toString("base64"));
  });

  it("reaches neither a mirror nor a redirect's target", async () => {
    const origin = await startUpstream({
      auth: { kind: "basic", users: { me: canary } },
      redirect: { manifests: true },
    });
    const mirror = await startUpstream({ auth: { kind: "basic", users: { me: canary } } });
    onTestFinished(() => Promise.all([origin.close(), mirror.close()]).then(() => undefined));
    origin.pushImage(app, "1");
    mirror.pushImage(app, "1");
    const { upstream } = connect([origin.url, mirror.url], {
      credentials: { kind: "basic", username: "me", password: canary },
    });
    expect(await upstream.getManifest(app, tagged("1"), unhurried())).toBeDefined();
    await origin.stop();
    await failureOf(upstream.getManifest(app, tagged("1"), unhurried()));
    expect(mirror.requests.count()).toBe(4);
    for (const { headers } of [...mirror.requests.entries, ...origin.cdn.requests.entries]) {
      expect(headers.authorization).toBeUndefined();
    }
  });
});
