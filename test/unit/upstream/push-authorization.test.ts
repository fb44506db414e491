import { describe, expect, it, onTestFinished } from "vitest";
import type { Pusher } from "../../../src/upstream/index.ts";
import { startUpstream, type TestUpstream, type UpstreamOptions } from "../../upstream/index.ts";
import { failureOf, openGate, repositoryName } from "./fixture.ts";

const { signal } = new AbortController();

async function start(options: UpstreamOptions): Promise<TestUpstream> {
  const upstream = await startUpstream(options);
  onTestFinished(() => upstream.close());
  return upstream;
}

function pusher(name: string, password: string, ...repositories: string[]): Pusher {
  return {
    scopes: repositories.map((text, index) => ({
      repository: repositoryName(text),
      actions: index === 0 ? ["pull", "push"] : ["pull"],
    })),
    credential: { id: `client ${name} ${password}`, credentials: { kind: "basic", username: name, password } },
  };
}

const users = { ann: "right", bob: "other" };
const bearer: UpstreamOptions = { auth: { kind: "bearer", users }, pushes: {} };
const tokenRequests = (upstream: TestUpstream) => upstream.requests.filter({ kind: "token" });
const userOf = (authorization: string | undefined) =>
  Buffer.from((authorization ?? "").replace("Basic ", ""), "base64").toString();

describe("the authorization of a push", () => {
  it("is a token for pulling and pushing that repository, asked for with the client's own credential", async () => {
    const upstream = await start(bearer);
    const { gate } = openGate(upstream.url);
    const authorization = await gate.authorization(pusher("ann", "right", "org/app"), signal);
    expect(authorization?.header).toMatch(/^Bearer token-1-ann$/);
    const [asked] = tokenRequests(upstream);
    expect([asked?.query.getAll("scope"), userOf(asked?.headers.authorization)]).toEqual([
      ["repository:org/app:pull,push"],
      "ann:right",
    ]);
  });

  it("covers both repositories of a mount", async () => {
    const upstream = await start(bearer);
    const { gate } = openGate(upstream.url);
    await gate.authorization(pusher("ann", "right", "org/app", "org/base"), signal);
    expect(tokenRequests(upstream)[0]?.query.getAll("scope")).toEqual([
      "repository:org/app:pull,push",
      "repository:org/base:pull",
    ]);
  });

  it("is kept for the same client and scope, and shared with nobody else", async () => {
    const upstream = await start(bearer);
    const { gate } = openGate(upstream.url);
    const headers = [
      await gate.authorization(pusher("ann", "right", "org/app"), signal),
      await gate.authorization(pusher("ann", "right", "org/app"), signal),
      await gate.authorization(pusher("bob", "other", "org/app"), signal),
      await gate.authorization(pusher("ann", "right", "org/other"), signal),
    ].map((authorization) => authorization?.header);
    expect(headers).toEqual(["Bearer token-1-ann", "Bearer token-1-ann", "Bearer token-2-bob", "Bearer token-3-ann"]);
    expect(upstream.requests.count({ kind: "ping" })).toBe(1);
  });

  it("is made anew once after a 401, and not again", async () => {
    const upstream = await start(bearer);
    const { gate } = openGate(upstream.url);
    const ann = pusher("ann", "right", "org/app");
    await gate.authorization(ann, signal);
    const kept = await gate.authorization(ann, signal);
    const challenges = [`Bearer realm="${upstream.url}/token",service="registry.test"`];
    const next = await gate.answer(ann, challenges, kept, signal);
    expect([next?.header, next?.isFinal]).toEqual(["Bearer token-2-ann", true]);
    expect(await gate.answer(ann, challenges, next, signal)).toBeUndefined();
  });

  it("is the client's name and password where the registry asks for Basic", async () => {
    const upstream = await start({ auth: { kind: "basic", users }, pushes: {} });
    const { gate } = openGate(upstream.url);
    const authorization = await gate.authorization(pusher("ann", "right", "org/app"), signal);
    expect(userOf(authorization?.header)).toBe("ann:right");
    const nobody = { ...pusher("ann", "right", "org/app"), credential: { id: "none", credentials: undefined } };
    expect(await gate.authorization(nobody, signal)).toBeUndefined();
  });

  it("is none where the registry asks for none", async () => {
    const upstream = await start({ pushes: {} });
    const { gate } = openGate(upstream.url);
    expect(await gate.authorization(pusher("ann", "right", "org/app"), signal)).toBeUndefined();
    expect(upstream.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it("goes to no token service that is neither the registry's own nor configured", async () => {
    const other = await start(bearer);
    const upstream = await start({
      auth: { kind: "bearer", users, realm: `${other.url.replace("127.0.0.1", "localhost")}/token` },
    });
    const { gate } = openGate(upstream.url);
    const failure = await failureOf(gate.authorization(pusher("ann", "right", "org/app"), signal));
    expect([failure.kind, failure.message]).toEqual(["unauthorized", expect.stringContaining("is not https")]);
    expect(other.requests.count()).toBe(0);
  });

  it("is refused in words where the token service refuses the client, and asked for again the next time", async () => {
    const upstream = await start(bearer);
    const { gate } = openGate(upstream.url);
    const failure = await failureOf(gate.authorization(pusher("ann", "wrong", "org/app"), signal));
    expect([failure.kind, failure.status]).toEqual(["unauthorized", 401]);
    expect(failure.message).not.toContain("wrong");
    expect(await gate.authorization(pusher("ann", "right", "org/app"), signal)).toBeDefined();
  });

  it("can be had after the registry was down", async () => {
    const upstream = await start(bearer);
    await upstream.stop();
    const { gate } = openGate(upstream.url);
    expect((await failureOf(gate.authorization(pusher("ann", "right", "org/app"), signal))).kind).toBe("unreachable");
    await upstream.restart();
    expect(await gate.authorization(pusher("ann", "right", "org/app"), signal)).toBeDefined();
  });
});

describe("where a push goes", () => {
  it("is the origin, below the path of its URL", () => {
    const { gate } = openGate("http://registry.test:5000/base/");
    const { url, isElsewhere } = gate.home("org/app/blobs/uploads/?digest=x");
    expect([url.href, isElsewhere]).toEqual([
      "http://registry.test:5000/base/v2/org/app/blobs/uploads/?digest=x",
      false,
    ]);
  });

  it.each([
    ["/v2/a/blobs/uploads/1?_state=x", "https://registry.test/v2/a/blobs/uploads/1?_state=x", false],
    ["2?_state=y", "https://registry.test/v2/a/blobs/uploads/2?_state=y", false],
    ["https://uploads.test/1", "https://uploads.test/1", true],
    ["//uploads.test/1", "https://uploads.test/1", true],
  ])("follows the Location %s to %s", (location, href, isElsewhere) => {
    const { gate } = openGate("https://registry.test", { allowPrivateRedirects: false });
    const from = new URL("https://registry.test/v2/a/blobs/uploads/");
    expect(gate.follow(from, location, 202)).toMatchObject({ url: { href }, isElsewhere });
  });

  it.each([
    ["http://registry.test/v2/a/blobs/uploads/1", "https to http"],
    ["https://127.0.0.1/v2/a/blobs/uploads/1", "private"],
    ["https://[::ffff:10.0.0.1]/x", "private"],
    ["https://localhost/x", "private"],
    ["https://user:secret@uploads.test/x", "user information"],
    ["file:///etc/passwd", "not http"],
    ["https://", "nowhere"],
  ])("does not follow the Location %s: %s", async (location, words) => {
    const { gate } = openGate("https://registry.test", { allowPrivateRedirects: false });
    const from = new URL("https://registry.test/v2/a/blobs/uploads/");
    const failure = await failureOf(Promise.resolve().then(() => gate.follow(from, location, 202)));
    expect([failure.kind, failure.message]).toEqual(["bad-response", expect.stringContaining(words)]);
    expect(failure.message).not.toContain("secret");
  });
});
