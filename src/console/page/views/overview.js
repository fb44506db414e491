import { fill, h } from "../dom.js";
import { empty } from "../parts/pieces.js";
import { chartPanels } from "./overview/charts.js";
import { clientsPanel } from "./overview/clients.js";
import { fillsPanel } from "./overview/fills.js";
import { firstPull } from "./overview/first-pull.js";
import { storePanel } from "./overview/store.js";
import { tiles } from "./overview/tiles.js";
import { upstreamsPanel } from "./overview/upstreams.js";

/** What is not in the stream is asked for again this often, where something has changed. */
const askEveryMs = 5000;
const askAnywayMs = 60_000;

/**
 * @param {import("../context.js").Context} context
 * @returns {import("../router.js").View}
 */
export function overviewView({ api, live }) {
  const parts = {
    tiles: tiles(),
    charts: chartPanels(),
    fills: fillsPanel(),
    store: storePanel(),
    clients: clientsPanel(),
    upstreams: upstreamsPanel(),
  };
  const first = h("div", { class: "span-all", hidden: true });
  const trouble = h("div", { class: "span-all" });
  const element = h(
    "div",
    {},
    h("h1", {}, "Overview"),
    trouble,
    parts.tiles.element,
    h(
      "div",
      { class: "grid" },
      first,
      ...parts.charts.elements,
      parts.fills.element,
      parts.store.element,
      parts.clients.element,
      parts.upstreams.element,
    ),
  );
  let askedAt = 0;
  let hasChanged = true;

  const showStats = () => {
    const { stats, fills } = live;
    if (!stats) return;
    parts.tiles.set(stats);
    parts.fills.set(fills);
    parts.store.set(stats);
    parts.clients.set(stats);
    const isFresh = stats.requests.total === 0 && stats.store.blobs === 0;
    if (isFresh && first.childElementCount === 0) fill(first, firstPull(stats.listen.pull));
    first.hidden = !isFresh;
  };
  const ask = async () => {
    askedAt = Date.now();
    hasChanged = false;
    try {
      const [activity, upstreams] = await Promise.all([api.activity(), api.upstreams()]);
      parts.charts.set(activity.history.points);
      parts.upstreams.set(upstreams.items);
      if (!live.stats) {
        live.stats = await api.stats();
        live.fills = activity.fills;
        showStats();
      }
      fill(trouble);
    } catch (error) {
      if (!live.stats)
        fill(trouble, empty(h("p", { role: "alert" }, error instanceof Error ? error.message : String(error))));
    }
  };
  const askIfDue = () => {
    const age = Date.now() - askedAt;
    if (!document.hidden && (age >= askAnywayMs || (hasChanged && age >= askEveryMs))) void ask();
  };
  const unsubscribe = live.subscribe((change) => {
    hasChanged = true;
    if (change === "stats") showStats();
    if (change === "connection" && live.connection === "open") void ask();
  });
  const timer = setInterval(askIfDue, 1000);
  showStats();
  void ask();
  return {
    title: "Overview",
    element,
    close() {
      unsubscribe();
      clearInterval(timer);
      parts.charts.close();
    },
  };
}
