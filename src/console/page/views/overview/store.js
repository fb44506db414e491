import { fill, h, setText } from "../../dom.js";
import { formatBytes, formatCount, formatPart } from "../../format.js";
import { linkTo } from "../../router.js";
import { badge, bar, factList, panel } from "../../parts/pieces.js";

/** @typedef {import("../../documents.d.ts").Stats} Stats */

/** What the store holds, against what it may. */
export function storePanel() {
  const meter = bar("Store");
  const words = h("p", { class: "meter-words" });
  const facts = h("div");
  const note = h("span");
  return {
    element: panel("Store", { id: "store-title", note }, words, meter.element, facts),
    /** @param {Stats} stats */
    set({ store }) {
      const text = `${formatBytes(store.bytes)} of ${formatBytes(store.maxBytes)}`;
      setText(words, `${text} · ${formatPart(store.bytes, store.maxBytes)}`);
      meter.set(store.maxBytes === 0 ? 0 : store.bytes / store.maxBytes, text);
      meter.element.classList.toggle("bar-high", store.bytes > store.maxBytes * 0.95);
      fill(note, store.isPassthrough && badge("passing through: the disk cannot be written", "bad"));
      fill(
        facts,
        factList(
          [
            ["Free on disk", formatBytes(store.freeBytes)],
            ["Reserved for downloads", formatBytes(store.reservedBytes)],
            ["Tags", h("a", { href: linkTo("images") }, formatCount(store.tags))],
            ["Manifests", formatCount(store.manifests)],
            ["Blobs", formatCount(store.blobs)],
            ["Repositories", formatCount(store.repositories)],
          ],
          "figure-facts",
        ),
      );
    },
  };
}
