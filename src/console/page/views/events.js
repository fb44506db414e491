import { fill, h, keptList } from "../dom.js";
import { ago, countOf } from "../format.js";
import { badge, empty } from "../parts/pieces.js";
import { linkTo, linkToImage } from "../router.js";
import { eventWords } from "./events/words.js";

/** @typedef {import("../documents.d.ts").EntrepotEvent} EntrepotEvent */

/** @type {Record<string, { name: string, badge: "good" | "bad" | "warn" | "plain" }>} */
const kinds = {
  "tag-moved": { name: "Tag moved", badge: "plain" },
  evicted: { name: "Evicted", badge: "plain" },
  corrupt: { name: "Corrupt", badge: "bad" },
  "upstream-down": { name: "Upstream down", badge: "bad" },
  "upstream-up": { name: "Upstream up", badge: "good" },
  "quota-low": { name: "Quota low", badge: "warn" },
};

/**
 * @param {import("../context.js").Context} context
 * @param {URLSearchParams} first
 * @returns {import("../router.js").View}
 */
export function eventsView({ live }, first) {
  let kind = first.get("kind") ?? "";
  let words = first.get("q") ?? "";
  const list = h("ol", { class: "events" });
  const showItems = keptList(list, {
    keyOf: ({ id }) => id,
    create: (/** @type {EntrepotEvent} */ event) => ({ element: eventItem(event) }),
  });
  const status = h("p", { class: "muted", role: "status" });
  const none = h("div");
  const select = h("select", { id: "kind", onChange: () => choose({ kind: select.value }) });
  const search = h("input", {
    type: "search",
    id: "event-search",
    autocomplete: "off",
    spellcheck: "false",
    onInput: () => choose({ q: search.value }),
  });
  const choose = (/** @type {Record<string, string>} */ change) => {
    history.replaceState(null, "", linkTo("events", { kind, q: words, ...change }));
    kind = change.kind ?? kind;
    words = change.q ?? words;
    show();
  };
  const show = () => {
    const fitting = live.events.filter((event) => (kind === "" || event.kind === kind) && fits(event, words));
    showItems(fitting);
    const gap = live.hasGap ? " Some were lost while the connection was down." : "";
    fill(status, `${countOf(fitting.length, "event")}.${gap}`);
    fill(none, fitting.length === 0 && nothing(live.events.length > 0));
  };
  fill(
    select,
    h("option", { value: "" }, "All"),
    Object.entries(kinds).map(([value, { name }]) => h("option", { value }, name)),
  );
  select.value = kind;
  search.value = words;
  const unsubscribe = live.subscribe((change) => {
    if (change === "event") show();
  });
  const element = h(
    "div",
    {},
    h("h1", {}, "Events"),
    h(
      "p",
      { class: "lead" },
      "What happens in the cache, as it happens; the last thousand are kept until the instance is started again.",
    ),
    h(
      "form",
      { class: "filters", role: "search", onSubmit: (/** @type {Event} */ event) => event.preventDefault() },
      h("div", { class: "field" }, h("label", { for: "kind" }, "Kind"), select),
      h("div", { class: "field grow" }, h("label", { for: "event-search" }, "Search"), search),
    ),
    status,
    none,
    list,
  );
  show();
  return { title: "Events", element, close: unsubscribe };
}

/**
 * @param {EntrepotEvent} event
 * @param {string} words
 */
function fits(event, words) {
  return words === "" || eventWords(event).toLowerCase().includes(words.trim().toLowerCase());
}

/** @param {EntrepotEvent} event */
function eventItem(event) {
  const about = kinds[event.kind];
  const image = typeof event.image === "string" ? event.image : undefined;
  return h(
    "li",
    { class: "event" },
    ago(event.at),
    badge(about?.name ?? event.kind, about?.badge ?? "plain"),
    h("span", { class: "event-words" }, eventWords(event)),
    image !== undefined && h("a", { href: linkToImage(image), "aria-label": `Show image ${image}` }, "Show image"),
  );
}

/** @param {boolean} isFiltered */
function nothing(isFiltered) {
  if (isFiltered) return empty(h("p", {}, "No event fits."));
  return empty(
    h("p", {}, "Nothing has happened yet."),
    h(
      "p",
      { class: "muted" },
      "A tag that moves, an eviction, a damaged file, an upstream that goes down or comes back, and a quota that runs low are told here at once.",
    ),
  );
}
