import { afterEach, describe, expect, it } from "vitest";

import { startUpstream, type TestUpstream, type UpstreamOptions } from "../../upstream/index.ts";
import { ask, basic, bearer } from "./ask.ts";

describe("the authorization of the test upstream", () => {
  let upstream: TestUpstream;
  let now = 1_000_000;

  async function start(options: UpstreamOptions): Promise<string> {
    upstream = await startUpstream({ now: () => now, ...options });
    upstream.pushImage("team/app", "1");
    return `${upstream.url}/v2/team/app/manifests/1`;
  }
  afterEach(() => upstream.close());

  async function tokenFor(url: string, headers: Record<string, string> = {}): Promise<Record<string, string>> {
    const refused = await ask(url);
    const challenge = String(refused.headers["www-authenticate"]);
    const [, realm = "", service = "", scope = ""] =
      /^Bearer realm="(.+)",service="(.+)",scope="(.+?)"/.exec(challenge) ?? [];
    return bearer(await ask(`${realm}?service=${service}&scope=${encodeURIComponent(scope)}`, { headers }));
  }

  it("lets in by user and password", async () => {
    const url = await start({ auth: { kind: "basic", users: { ann: "secret:1" } } });
    expect((await ask(url)).headers["www-authenticate"]).toMatch(/^Basic realm=/);
    expect((await ask(url, { headers: basic("ann", "wrong") })).status).toBe(401);
    expect((await ask(url, { headers: basic("ann", "secret:1") })).status).toBe(200);
  });

  it.each(["same", "separate"] as const)(
    "lets in by a token from the %s server, until it is over",
    async (tokenServer) => {
      const url = await start({ auth: { kind: "bearer", expiresInSeconds: 60 }, tokenServer });
      const headers = await tokenFor(url);
      expect((await ask(url, { headers })).status).toBe(200);
      expect((await ask(`${upstream.url}/v2/other/manifests/1`, { headers })).status).toBe(401);
      now += 60_000;
      const late = await ask(url, { headers });
      expect(late.status).toBe(401);
      expect(late.headers["www-authenticate"]).toContain('error="invalid_token"');
      expect(upstream.requests.filter({ kind: "token" })).toMatchObject([{ repository: "team/app", status: 200 }]);
    },
  );

  it("meets a revoked token with one challenge", async () => {
    const url = await start({ auth: { kind: "bearer" } });
    const headers = await tokenFor(url);
    upstream.revokeTokens();
    expect((await ask(url, { headers })).status).toBe(401);
    expect((await ask(url, { headers: await tokenFor(url) })).status).toBe(200);
  });

  it("opens a private repository to its users only", async () => {
    const users = { ann: "a", bob: "b" };
    const privateRepositories = { "team/app": ["ann"] };
    const url = await start({ auth: { kind: "bearer", users, privateRepositories } });
    expect((await ask(url, { headers: await tokenFor(url) })).status).toBe(401);
    expect((await ask(url, { headers: await tokenFor(url, basic("bob", "b")) })).status).toBe(401);
    expect((await ask(url, { headers: await tokenFor(url, basic("ann", "a")) })).status).toBe(200);
    expect((await ask(`${upstream.url}/token`, { headers: basic("ann", "x") })).status).toBe(401);
  });

  it("answers a valid user without permission as it is told to", async () => {
    const privateRepositories = { "team/app": ["ann"] };
    const url = await start({ auth: { kind: "basic", users: { bob: "b" }, privateRepositories, deniedStatus: 403 } });
    expect((await ask(url, { headers: basic("bob", "b") })).status).toBe(403);
  });

  it("refuses HEAD of a blob although GET works", async () => {
    await start({ auth: { kind: "bearer", refusesHeadOf: ["blob"] } });
    const url = `${upstream.url}/v2/team/app/blobs/${upstream.pushBlob("team/app", "x")}`;
    const headers = await tokenFor(url);
    expect((await ask(url, { headers, method: "HEAD" })).status).toBe(401);
    expect((await ask(url, { headers })).status).toBe(200);
  });

  it("serves public repositories unchallenged although the ping is challenged", async () => {
    const url = await start({ auth: { kind: "bearer", servesPublicUnchallenged: true } });
    expect((await ask(`${upstream.url}/v2/`)).status).toBe(401);
    expect((await ask(url)).status).toBe(200);
  });

  it("names a hostile realm when told to", async () => {
    const url = await start({ auth: { kind: "bearer", realm: "http://169.254.169.254/steal" } });
    expect((await ask(url)).headers["www-authenticate"]).toContain('realm="http://169.254.169.254/steal"');
  });
});
