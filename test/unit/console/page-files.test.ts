import { describe, expect, it } from "vitest";
import { readPage } from "../../../src/console/index.ts";

const page = await readPage();
const texts = [...page].map(([path, { body }]) => ({ path, text: body.toString() }));
const own = texts.filter(({ path }) => !path.startsWith("/console/vendor/"));

describe("the files of the page", () => {
  it("hold every module and every style that they name", () => {
    const named = own.flatMap(({ path, text }) =>
      [...text.matchAll(/(?:from|src=|href=) ?"((?:\.{1,2}\/|\/console\/)[^"]+)"/g)].map(
        ([, name = ""]) => new URL(name, `http://x${path}`).pathname,
      ),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((path) => !page.has(path))).toEqual([]);
  });

  it("ask for nothing of another host", () => {
    const elsewhere = own
      .filter(({ text }) => /https?:\/\/(?!www\.w3\.org\/2000\/svg|\$\{)/.test(text))
      .map(({ path }) => path);
    expect(elsewhere).toEqual([]);
  });

  it("never make markup out of text", () => {
    const markup =
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function/;
    expect(own.filter(({ text }) => markup.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it("have an etag each that changes with what they hold", () => {
    const etags = [...page.values()].map(({ etag }) => etag);
    expect(new Set(etags).size).toBe(etags.length);
    for (const etag of etags) expect(etag).toMatch(/^"[\w-]{27}"$/);
  });

  it("hold no inline script or style, which the policy refuses", () => {
    const html = page.get("/")?.body.toString() ?? "";
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  });
});
