import { fill, h } from "../dom.js";
import { ago, countOf, formatBytes, imageName } from "../format.js";
import { linkTo, linkToImage } from "../router.js";
import { readOnlyHint } from "../parts/access.js";
import { pinControl } from "../parts/pins.js";
import { badge, empty } from "../parts/pieces.js";
import { Remote } from "../parts/remote.js";
import { table } from "../parts/table.js";
import { imageFilters } from "./images/filters.js";
import { pageSize, paging } from "./images/paging.js";

/** @typedef {import("../documents.d.ts").ImageItem} ImageItem */
/** @typedef {import("../documents.d.ts").ImageList} ImageList */

const passedOn = ["q", "upstream", "pinned", "offlineReady", "sort", "order", "cursor"];

/**
 * @param {import("../context.js").Context} context
 * @param {URLSearchParams} first
 * @returns {import("../router.js").View}
 */
export function imagesView(context, first) {
  const { api, live, session } = context;
  let query = first;
  /** @param {Record<string, string | undefined>} changes @param {boolean} [isTyping] */
  const change = (changes, isTyping = false) => {
    const next = linkTo("images", { ...Object.fromEntries(query), cursor: undefined, page: undefined, ...changes });
    // Typing is one step back, not one for each letter.
    if (isTyping) history.replaceState(null, "", next);
    else history.pushState(null, "", next);
    show(new URLSearchParams(next.split("?")[1] ?? ""));
  };
  const filters = imageFilters(context, change);
  const status = h("p", { class: "muted", role: "status" });
  /** @type {Remote<ImageList>} */
  const remote = new Remote(
    (signal) => {
      /** @type {[string, string | undefined][]} */
      const asked = passedOn.map((key) => [key, query.get(key) ?? undefined]);
      return api.images({ ...Object.fromEntries(asked), limit: pageSize }, signal);
    },
    ({ items, total, nextCursor }) => {
      fill(status, countOf(total, "image"));
      if (items.length === 0) return nothingFound(query);
      return [
        imageTable(context, items, query, change, () => void remote.load()),
        paging(query, { shown: items.length, total, nextCursor, change }),
      ];
    },
  );
  /** @param {URLSearchParams} next */
  const show = (next) => {
    query = next;
    filters.set(next);
    void remote.load();
  };
  const unsubscribe = live.subscribe((what) => {
    if (what === "event" && live.events[0]?.kind !== "quota-low") void remote.load();
  });
  const element = h("div", {}, h("h1", {}, "Images"), readOnlyHint(session), filters.element, status, remote.element);
  show(first);
  return {
    title: "Images",
    element,
    onQuery: show,
    close() {
      unsubscribe();
      filters.close();
      remote.close();
    },
  };
}

/** @param {URLSearchParams} query */
function nothingFound(query) {
  const isFiltered = ["q", "upstream", "pinned", "offlineReady"].some((key) => query.has(key));
  if (!isFiltered)
    return empty(
      h("p", {}, "No image has been pulled yet."),
      h("p", {}, h("a", { href: "#/" }, "The overview says how to begin")),
    );
  return empty(h("p", {}, "No image fits."), h("p", {}, h("a", { href: linkTo("images") }, "Show all images")));
}

/**
 * @param {import("../context.js").Context} context
 * @param {ImageItem[]} items
 * @param {URLSearchParams} query
 * @param {(changes: Record<string, string | undefined>) => void} change
 * @param {() => void} onPinChanged
 */
function imageTable(context, items, query, change, onPinChanged) {
  /** @param {string} name @param {string} key */
  const sortable = (name, key) => {
    const isCurrent = (query.get("sort") ?? "name") === key;
    const isDescending = query.get("order") === "desc";
    // Names begin at A; of sizes and times the largest and the latest are looked for.
    const order = isCurrent ? (isDescending ? "asc" : "desc") : key === "name" ? "asc" : "desc";
    const arrow = h(
      "span",
      { class: "sort-arrow", "aria-hidden": "true" },
      isCurrent ? (isDescending ? "↓" : "↑") : "",
    );
    return {
      head: h(
        "button",
        { type: "button", class: "sort", "data-sort": key, onClick: () => change({ sort: key, order }) },
        name,
        arrow,
      ),
      label: name,
      sorted: /** @type {"ascending" | "descending" | "none"} */ (
        isCurrent ? (isDescending ? "descending" : "ascending") : "none"
      ),
    };
  };
  return table({
    caption: "Images in the store",
    items,
    columns: [
      {
        ...sortable("Image", "name"),
        isHead: true,
        cell: ({ image }) => h("a", { href: linkToImage(image) }, imageName(image)),
      },
      { head: "Offline", isWide: true, cell: readiness },
      { ...sortable("Size", "bytes"), isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
      {
        ...sortable("Only its own", "uniqueBytes"),
        isNumber: true,
        cell: ({ uniqueBytes }) => formatBytes(uniqueBytes),
      },
      { head: "Shared", isNumber: true, cell: ({ sharedBytes }) => formatBytes(sharedBytes) },
      { ...sortable("Last pulled", "lastPulledAt"), cell: ({ lastPulledAt }) => ago(lastPulledAt) },
      { head: "Pin", cell: (item) => pinControl(context, item, onPinChanged) },
    ],
  });
}

/** @param {ImageItem} item */
export function readiness({ offlineReady, isGone, isHeld, platforms }) {
  const here = platforms.filter(({ isComplete }) => isComplete).flatMap(({ platform }) => platform ?? []);
  const words = here.length > 2 ? `${here.slice(0, 2).join(", ")} +${here.length - 2}` : here.join(", ");
  return h(
    "span",
    { class: "readiness" },
    offlineReady.isReady ? badge("ready", "good") : badge("incomplete", "warn"),
    isGone && badge("gone upstream", "warn"),
    isHeld && badge("rolled back", "warn"),
    h("span", { class: "muted platforms" }, words),
  );
}
