import { h, keptList, setText } from "../../dom.js";
import { ago, countOf, formatBytes, shortDigest } from "../../format.js";
import { bar, panel } from "../../parts/pieces.js";

/** @typedef {import("../../documents.d.ts").Fill} Fill */

const shown = 12;

/** What is being fetched at this moment. */
export function fillsPanel() {
  const list = h("ul", { class: "fills" });
  const none = h("p", { class: "muted" }, "Nothing is being fetched from upstream right now.");
  const more = h("p", { class: "muted" });
  const count = h("span", { class: "badge", role: "status" });
  const show = keptList(list, { keyOf: ({ upstream, digest }) => `${upstream} ${digest}`, create: fillItem });
  return {
    element: panel("Being pulled now", { id: "fills-title", note: count, className: "span-2" }, none, list, more),
    /** @param {Fill[]} fills */
    set(fills) {
      show(fills.slice(0, shown));
      none.hidden = fills.length > 0;
      more.hidden = fills.length <= shown;
      count.hidden = fills.length === 0;
      setText(more, `and ${countOf(fills.length - shown, "more")}`);
      setText(count, countOf(fills.length, "download"));
    },
  };
}

/** @param {Fill} fill */
function fillItem({ digest, upstream, repository, startedAt }) {
  const name = `${upstream}/${repository}`;
  const progress = bar(`Download of ${shortDigest(digest)} of ${name}`, "progressbar");
  const words = h("span", { class: "fill-bytes" });
  const readers = h("span");
  const element = h(
    "li",
    { class: "fill" },
    h("span", { class: "fill-name" }, name, " ", h("code", { class: "digest", title: digest }, shortDigest(digest))),
    words,
    progress.element,
    h("span", { class: "fill-note" }, readers, " · begun ", ago(startedAt)),
  );
  return {
    element,
    /** @param {Fill} now */
    set({ bytes, totalBytes, readers: count }) {
      const text = totalBytes === null ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
      setText(words, text);
      setText(readers, count === 0 ? "no client waits for it" : countOf(count, "client"));
      progress.set(totalBytes === null || totalBytes === 0 ? null : bytes / totalBytes, text);
    },
  };
}
