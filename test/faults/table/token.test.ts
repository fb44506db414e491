import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startUpstream, temperaments as t, type TestUpstream } from "../../upstream/index.ts";
import { upstreamName, useBench } from "./bench.ts";
import { promiseOf, refused, type Row } from "./row.ts";
import { runRow } from "./run-row.ts";
import { blobOf, manifestByDigest, smallBytes } from "./targets.ts";
import { hostileRealms, tokenRows } from "./token-rows.ts";

/** Found again wherever it leaks to, also inside a Basic header. */
const canary = "canary-7f3a9c";
const bench = useBench({
  upstream: {
    auth: { kind: "bearer", users: { puller: canary }, allowsAnonymous: false },
    redirect: { signature: "none" },
  },
  settings: { credentials: { username: "puller", password: canary }, redirects: { allowPrivate: true } },
});
let stranger: TestUpstream;

beforeAll(async () => {
  stranger = await startUpstream();
});

afterAll(() => stranger.close());

describe("a manifest that needs a token", () => {
  it.each(tokenRows.map((row): [string, Row] => [promiseOf(row), row]))("%s", async (_, row) => {
    await runRow(bench(), manifestByDigest, row);
  });

  it.each(hostileRealms)("is answered 403 DENIED when the realm is one $why, which is not asked", async ({ realm }) => {
    const { settings } = bench().upstream.authorization;
    settings.realm = realm.replace("PORT", String(stranger.port));
    const { instance } = bench();
    const { path } = await manifestByDigest(bench());
    bench().upstream.requests.clear();
    const reply = await instance.ask(path);
    settings.realm = undefined;
    bench().errorBodies.push(reply.body.toString());
    expect([reply.status, reply.body.toString()]).toEqual([403, expect.stringContaining('"DENIED"')]);
    expect([bench().upstream.requests.count(), stranger.requests.count()]).toEqual([1, 0]);
    expect((await instance.ask(path)).status).toBe(200);
  });
});

describe("a token", () => {
  it("is kept for the next request of its repository, and for no other", async () => {
    const { upstream, instance } = bench();
    const first = await manifestByDigest(bench());
    const second = upstream.pushImage(first.repository, "second", { layers: [7] });
    const other = await manifestByDigest(bench());
    upstream.requests.clear();
    await instance.ask(first.path);
    await instance.ask(first.path.replace(first.digest, second.digest));
    expect(upstream.requests.entries.map(({ kind }) => kind)).toEqual([
      "manifest-digest",
      "token",
      "manifest-digest",
      "manifest-digest",
    ]);
    await instance.ask(other.path);
    expect(upstream.requests.count({ kind: "token" })).toBe(2);
  });

  it("is asked for once by any number of clients", async () => {
    const { upstream, instance } = bench();
    const { repository } = await manifestByDigest(bench());
    const digests = Array.from({ length: 8 }, (_, at) => upstream.pushBlob(repository, Buffer.from(`${at} of eight`)));
    upstream.requests.clear();
    const asked = digests.map((digest) => instance.ask(`/v2/${repository}/blobs/${digest}?ns=${upstreamName}`));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(digests.map(() => 200));
    expect(upstream.requests.count({ kind: "token" })).toBe(1);
  });

  it("is replaced once when the registry no longer accepts it", async () => {
    const { upstream, instance } = bench();
    const first = await manifestByDigest(bench());
    const second = upstream.pushImage(first.repository, "second", { layers: [7] });
    await instance.ask(first.path);
    upstream.revokeTokens();
    upstream.requests.clear();
    const reply = await instance.ask(first.path.replace(first.digest, second.digest));
    expect([reply.status, reply.body.equals(second.manifest)]).toEqual([200, true]);
    expect(upstream.requests.entries.map(({ kind, status }) => [kind, status])).toEqual([
      ["manifest-digest", 401],
      ["token", 200],
      ["manifest-digest", 200],
    ]);
  });

  it("is not asked for again and again when no token is accepted any more", async () => {
    const { upstream, instance } = bench();
    const first = await manifestByDigest(bench());
    const second = upstream.pushImage(first.repository, "second", { layers: [7] });
    await instance.ask(first.path);
    upstream.requests.clear();
    const rule = upstream.misbehave({ on: "manifest-digest", temperament: t.challengeLoop() });
    const reply = await instance.ask(first.path.replace(first.digest, second.digest));
    rule.stop();
    expect([reply.status, upstream.requests.count()]).toEqual([403, 3]);
  });

  it("is asked for afresh when the blob breaks off after the tokens were revoked", async () => {
    const { upstream, instance } = bench();
    const { path, bytes, repository } = await blobOf(3 * smallBytes)(bench());
    upstream.misbehave({ on: "cdn", repository, times: 1, temperament: t.truncate(smallBytes, "fin") });
    const open = upstream.misbehave({
      on: "cdn",
      repository,
      when: () => {
        upstream.revokeTokens();
        return false;
      },
      temperament: [],
    });
    upstream.requests.clear();
    const reply = await instance.ask(path);
    open.stop();
    upstream.behave();
    expect([reply.status, reply.body.equals(bytes)]).toEqual([200, true]);
    expect(upstream.requests.count({ kind: "cdn" })).toBe(2);
  });

  it("that has expired as it comes is replaced once, and no more", async () => {
    const { upstream, instance, errorBodies } = bench();
    const { path } = await manifestByDigest(bench());
    upstream.requests.clear();
    upstream.authorization.settings.expiresInSeconds = 0;
    const reply = await instance.ask(path);
    upstream.authorization.settings.expiresInSeconds = 300;
    errorBodies.push(reply.body.toString());
    expect([reply.status, upstream.requests.count()]).toEqual([403, 3]);
    expect((await instance.ask(path)).status).toBe(200);
  });

  it("for another repository than the one asked about opens neither", async () => {
    const { upstream, instance, errorBodies } = bench();
    const theirs = await manifestByDigest(bench());
    await instance.ask(theirs.path);
    const [kept] = upstream.requests.filter({ repository: theirs.repository, status: 200, kind: "manifest-digest" });
    const token = (kept?.headers.authorization ?? "").replace("Bearer ", "");
    const { path } = await manifestByDigest(bench());
    upstream.requests.clear();
    const rule = upstream.misbehave({ on: "token", temperament: t.otherBody(JSON.stringify({ token })) });
    const reply = await instance.ask(path);
    rule.stop();
    errorBodies.push(reply.body.toString());
    expect([reply.status, upstream.requests.count()]).toEqual([403, 3]);
    expect((await instance.ask(path)).status).toBe(200);
  });

  it("goes to no CDN, and a CDN's 401 is answered with none", async () => {
    await runRow(bench(), blobOf(smallBytes), {
      upstream: "answers 401 from its CDN",
      fault: [{ on: "cdn", temperament: t.challengeLoop() }],
      expected: refused(502, "UNAVAILABLE", 4),
    });
    const { requests } = bench().upstream.cdn;
    expect(requests.count()).toBeGreaterThan(0);
    expect(requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });
});

describe("a credential", () => {
  it("is in no log line, metric, error body or file, after all of the above", async () => {
    const { instance, errorBodies, upstream } = bench();
    const metrics = await (await fetch(`${instance.adminUrl}/metrics`)).text();
    const places = [...instance.log.map((line) => JSON.stringify(line)), metrics, ...errorBodies];
    await instance.stop();
    const files = await filesOf(join(instance.directory, "data"));
    const basic = Buffer.from(`puller:${canary}`).toString("base64");
    const secrets = [canary, basic, "token-", "made-up"];
    for (const secret of secrets) {
      expect(places.filter((place) => place.includes(secret))).toEqual([]);
      expect(files.filter(({ bytes }) => bytes.includes(secret)).map(({ path }) => path)).toEqual([]);
    }
    // The harness finds what it looks for where it has to be.
    const sent = upstream.requests.entries.map(({ headers }) => headers.authorization ?? "").join();
    expect([sent.includes(basic), sent.includes("token-"), errorBodies.length > 20, files.length > 20]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});

async function filesOf(directory: string): Promise<{ path: string; bytes: Buffer }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}
