import { describe, expect, it, onTestFinished } from "vitest";

import { nextPageOf } from "../../../src/upstream/link.ts";
import { startUpstream, temperaments, type UpstreamOptions } from "../../upstream/index.ts";
import { connect, failureOf, repositoryName, unhurried } from "./fixture.ts";

const app = repositoryName("team/app");

async function start(options: UpstreamOptions = {}) {
  const registry = await startUpstream(options);
  onTestFinished(() => registry.close());
  return { registry, ...connect(registry.url) };
}

describe("nextPageOf", () => {
  const page = new URL("https://r.test/v2/team/app/tags/list?n=2");
  const next = (link: string) => nextPageOf(new Map([["link", [link]]]), page);

  it.each([
    ['</v2/team/app/tags/list?n=2&last=b>; rel="next"', "?n=2&last=b"],
    ["<https://r.test/v2/team/app/tags/list?last=b>;rel=next", "?last=b"],
    ['<?last=b>; title="a, <b>; rel=prev"; rel="prev next"', "?last=b"],
    ['</v2/x>; rel="prev", </v2/team/app/tags/list?last=c>; REL=NEXT', "?last=c"],
  ])("reads %s", (link, search) => {
    expect(next(link)).toEqual({ kind: "page", search });
  });

  it.each([
    "<https://evil.test/v2/team/app/tags/list?last=b>; rel=next",
    "<http://r.test/v2/team/app/tags/list?last=b>; rel=next",
    "</v2/team/other/tags/list?last=b>; rel=next",
    "</v2/team/app/tags/list/../../other/tags/list?last=b>; rel=next",
    "<?n=2>; rel=next",
    "<http://[>; rel=next",
  ])("refuses %s", (link) => {
    expect(next(link)).toEqual({ kind: "refused" });
  });

  it.each(["", "nonsense", "</x>", "</x>; rel=prev", '</x>; rel="nextish"', "<<<<"])("finds nothing in %j", (link) => {
    expect(next(link)).toEqual({ kind: "none" });
  });
});

describe("the tags of a repository", () => {
  it("come over all pages, each once", async () => {
    const { registry, upstream, reports } = await start({ tagsPaging: { pageSize: 2 } });
    for (const tag of ["a", "b", "c", "d", "e"]) registry.pushImage(app, tag);
    expect(await upstream.listTags(app, unhurried())).toEqual({ tags: ["a", "b", "c", "d", "e"], isComplete: true });
    expect(reports.requests).toEqual(["tags 200", "tags 200", "tags 200"]);
    expect(registry.requests.entries[0]?.query.get("n")).toBe("1000");
  });

  it("leave out what is no tag, and are undefined where there is no repository", async () => {
    const { registry, upstream } = await start();
    expect(await upstream.listTags(app, unhurried())).toBeUndefined();
    const tags = ["ok", "../etc", 7, null, "", "ok", "a b", "__proto__"];
    registry.misbehave({ on: "tags", temperament: temperaments.status(200, JSON.stringify({ tags })) });
    expect(await upstream.listTags(app, unhurried())).toEqual({ tags: ["ok", "__proto__"], isComplete: true });
  });

  it("are incomplete after 10,000 or 100 pages, or where the next page may not be asked for", async () => {
    const { registry, upstream } = await start();
    const page = (tags: string[], link?: string) =>
      temperaments.status(200, JSON.stringify({ tags }), "application/json", link === undefined ? {} : { link });
    const many = Array.from({ length: 10_001 }, (_, index) => `t${index}`);
    const rule = registry.misbehave({ on: "tags", temperament: page(many) });
    const listing = await upstream.listTags(app, unhurried());
    expect([listing?.tags.length, listing?.isComplete]).toEqual([10_000, false]);
    rule.stop();
    const hostile = registry.misbehave({ on: "tags", temperament: page(["a"], "<http://127.0.0.2/x>; rel=next") });
    expect(await upstream.listTags(app, unhurried())).toEqual({ tags: ["a"], isComplete: false });
    hostile.stop();
    registry.requests.clear();
    let turn = 0;
    registry.misbehave({
      on: "tags",
      temperament: {
        name: "endless pages",
        reply: (reply, context) =>
          page([`t${(turn += 1)}`], `<?last=${turn}>; rel=next`).reply?.(reply, context) ?? reply,
      },
    });
    expect((await upstream.listTags(app, unhurried()))?.isComplete).toBe(false);
    expect(registry.requests.count()).toBe(100);
  });

  it.each([
    ["a web page", temperaments.htmlPage()],
    ["no JSON", temperaments.status(200, "{")],
    ["a list", temperaments.status(200, "[]")],
    ["tags that are no list", temperaments.status(200, '{"tags":{}}')],
    ["too much", temperaments.status(200, `{"tags":["${"x".repeat(4 * 1024 * 1024)}"]}`)],
  ])("that are %s are an error", async (_, temperament) => {
    const { registry, upstream } = await start();
    registry.misbehave({ on: "tags", temperament });
    expect(await failureOf(upstream.listTags(app, unhurried()))).toMatchObject({ kind: "bad-response", status: 200 });
  });
});

describe("the referrers of a manifest", () => {
  it("come over all pages, those with a valid digest", async () => {
    const { registry, upstream } = await start({ referrersPaging: { pageSize: 1 } });
    const image = registry.pushImage(app, "1");
    const pushed = ["sig", "sbom"].map((kind) =>
      registry.pushReferrer(app, image.digest, { artifactType: `application/vnd.test.${kind}` }),
    );
    const found = await upstream.listReferrers(app, image.digest, unhurried());
    expect(found?.manifests.map(({ digest }) => digest).sort()).toEqual(pushed.map(({ digest }) => digest).sort());
  });

  it.each([
    ["a 404", temperaments.status(404)],
    ["a 405", temperaments.status(405)],
    ["a web page", temperaments.htmlPage()],
  ])("are undefined where the API is %s", async (_, temperament) => {
    const { registry, upstream } = await start();
    const { digest } = registry.pushImage(app, "1");
    registry.misbehave({ on: "referrers", temperament });
    expect(await upstream.listReferrers(app, digest, unhurried())).toBeUndefined();
  });

  it("are undefined where the API leads to a web site that refuses", async () => {
    const { registry, upstream } = await start();
    const { digest } = registry.pushImage(app, "1");
    registry.misbehave({ on: "referrers", temperament: temperaments.redirectTo(`${registry.cdn.url}/-/v2`, 303) });
    registry.misbehave({ on: "any", temperament: temperaments.rateLimited() });
    expect(await upstream.listReferrers(app, digest, unhurried())).toBeUndefined();
  });

  it("are an error where the registry fails", async () => {
    const { registry, upstream } = await start();
    const { digest } = registry.pushImage(app, "1");
    registry.misbehave({ on: "referrers", temperament: temperaments.status(503) });
    expect(await failureOf(upstream.listReferrers(app, digest, unhurried()))).toMatchObject({ status: 503 });
  });
});
