import { h, setText } from "../../dom.js";
import { countOf, formatBytes, formatCount, formatPart } from "../../format.js";

/** @typedef {import("../../documents.d.ts").Stats} Stats */

/** The figures that say most, since the start. */
export function tiles() {
  const ratio = tile("Hit ratio");
  const saved = tile("Saved");
  const served = tile("Served");
  const offline = tile("Ready offline");
  return {
    element: h("div", { class: "tiles" }, ratio.element, saved.element, served.element, offline.element),
    /** @param {Stats} stats */
    set(stats) {
      const { total, byOutcome } = stats.requests;
      const hits = byOutcome.hit + byOutcome.stale;
      ratio.set(formatPart(hits, total), `of ${countOf(total, "request")} since the start`);
      saved.set(formatBytes(stats.savedBytes), `of ${formatBytes(stats.servedBytes)} served came without upstream`);
      served.set(formatBytes(stats.servedBytes), `${formatBytes(stats.fetchedBytes)} fetched from upstream`);
      const { readyTags, incompleteTags, countedAt } = stats.offline;
      if (countedAt === null) offline.set("–", "not counted yet");
      else offline.set(countOf(readyTags, "tag"), `${formatCount(incompleteTags)} incomplete`);
    },
  };
}

/** @param {string} name */
function tile(name) {
  const value = h("p", { class: "tile-value" }, "–");
  const note = h("p", { class: "tile-note" });
  return {
    element: h("section", { class: "tile" }, h("h2", { class: "tile-name" }, name), value, note),
    /**
     * @param {string} words
     * @param {string} about
     */
    set(words, about) {
      setText(value, words);
      setText(note, about);
    },
  };
}
