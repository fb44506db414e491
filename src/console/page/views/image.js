import { ApiProblem } from "../api.js";
import { h } from "../dom.js";
import { ago, digestText, formatBytes, formatTime } from "../format.js";
import { linkTo } from "../router.js";
import { readOnlyHint } from "../parts/access.js";
import { actionButton, evictImage, refresh } from "../parts/actions.js";
import { badge, empty, factList, panel } from "../parts/pieces.js";
import { pinControl } from "../parts/pins.js";
import { Remote } from "../parts/remote.js";
import { table } from "../parts/table.js";
import { explanationPanel } from "./image/explanation.js";
import { layersPanel } from "./image/layers.js";
import { readiness } from "./images.js";

/** @typedef {import("../documents.d.ts").ImageDetail} ImageDetail */
/** @typedef {import("../documents.d.ts").Explanation} Explanation */
/** @typedef {import("../context.js").Context} Context */

/**
 * @param {Context} context
 * @param {URLSearchParams} first
 * @returns {import("../router.js").View}
 */
export function imageView(context, first) {
  let image = first.get("image") ?? "";
  const title = h("h1", { class: "wrap" }, image === "" ? "No image" : image);
  /** @type {Remote<ImageDetail | Explanation>} */
  const remote = new Remote(
    (signal) => detailOrExplanation(context, image, signal),
    (answer) => ("manifests" in answer ? detailOf(context, answer, () => void remote.load()) : goneOf(context, answer)),
  );
  const unsubscribe = context.live.subscribe((change) => {
    const newest = context.live.events[0];
    // What has left is not shown any more; who has evicted it here goes on to the list.
    if (change === "event" && newest?.image === image && newest.kind !== "evicted") void remote.load();
  });
  const element = h(
    "div",
    {},
    h("p", { class: "crumbs" }, h("a", { href: linkTo("images") }, "Images")),
    title,
    image === "" ? empty(h("p", {}, "The address names no image.")) : remote.element,
  );
  if (image !== "") void remote.load();
  return {
    title: image === "" ? "No image" : image,
    element,
    onQuery(query) {
      image = query.get("image") ?? "";
      title.textContent = image;
      document.title = `${image} · entrepot`;
      void remote.load();
    },
    close() {
      unsubscribe();
      remote.close();
    },
  };
}

/**
 * Of what is not here, when and why it left.
 * @param {Context} context
 * @param {string} image
 * @param {AbortSignal} signal
 */
async function detailOrExplanation({ api }, image, signal) {
  try {
    return await api.image(image, signal);
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 404) throw error;
    return await api.explain(image, signal);
  }
}

/**
 * @param {Context} context
 * @param {Explanation} explanation
 */
function goneOf(context, explanation) {
  const image = explanation.subject;
  const warm = h("a", { class: "button", href: linkTo("warm", { image }) }, "Warm");
  return [
    readOnlyHint(context.session),
    context.session.mayWrite && h("div", { class: "actions" }, warm),
    h("div", { class: "grid" }, explanationPanel(explanation)),
  ];
}

/**
 * @param {Context} context
 * @param {ImageDetail} detail
 * @param {() => void} reload
 */
function detailOf(context, detail, reload) {
  return [
    readOnlyHint(context.session),
    actions(context, detail, reload),
    h(
      "div",
      { class: "grid" },
      panel("At a glance", { id: "glance-title", className: "span-2" }, glance(detail)),
      explanationPanel(detail.explanation),
      layersPanel(detail),
      detail.history.length > 0 && historyPanel(detail),
      missingPanel(detail),
      referrersPanel(detail),
    ),
  ];
}

/**
 * @param {Context} context
 * @param {ImageDetail} detail
 * @param {() => void} reload
 */
function actions(context, detail, reload) {
  const { image } = detail;
  const isTag = !image.includes("@");
  const mayWrite = context.session.mayWrite;
  const refreshNow = async () => {
    await refresh(context, image);
    reload();
  };
  const evictNow = async () => {
    if (await evictImage(context, image)) location.hash = linkTo("images");
  };
  return h(
    "div",
    { class: "actions" },
    pinControl(context, detail, reload),
    mayWrite && isTag && actionButton(context, "Refresh", refreshNow),
    mayWrite && h("a", { class: "button", href: linkTo("warm", { image }) }, "Warm"),
    mayWrite && actionButton(context, "Evict…", evictNow, { className: "danger-quiet" }),
  );
}

/** @param {ImageDetail} detail */
function glance(detail) {
  return factList([
    ["Digest", h("code", { class: "wrap" }, detail.digest)],
    ["Offline", readiness(detail)],
    ["Size here", formatBytes(detail.bytes)],
    ["Only its own", formatBytes(detail.uniqueBytes)],
    ["Shared with others", formatBytes(detail.sharedBytes)],
    ["First fetched", ago(detail.firstFetchedAt, "not known")],
    ["Last asked upstream", ago(detail.checkedAt, "not known")],
    ["Last pulled", ago(detail.lastPulledAt)],
    ["Pins", detail.pins.length === 0 ? "none" : detail.pins.join(", ")],
  ]);
}

/** @param {ImageDetail} detail */
function historyPanel({ image, history }) {
  const items = history.map((period) => ({ ...period }));
  return panel(
    "Tag history",
    { id: "history-title", className: "span-all" },
    table({
      caption: `What ${image} has named, newest first`,
      items,
      columns: [
        {
          head: "Digest",
          isHead: true,
          cell: ({ digest, isCurrent }) => [digestText(digest), isCurrent && " ", isCurrent && badge("now", "good")],
        },
        { head: "First seen", cell: ({ firstSeen }) => formatTime(firstSeen) },
        { head: "Last confirmed", cell: ({ lastSeen }) => ago(lastSeen) },
      ],
    }),
  );
}

/** @param {ImageDetail} detail */
function missingPanel({ offlineReady }) {
  const { missing, why, isReady } = offlineReady;
  if (isReady && missing.length === 0) return null;
  return panel(
    "What is missing offline",
    { id: "missing-title", className: "span-all" },
    why !== null && h("p", {}, why),
    missing.length > 0 &&
      table({
        caption: "What would be missing if every upstream were gone now",
        items: missing,
        columns: [
          { head: "Digest", isHead: true, cell: ({ digest }) => digestText(digest) },
          { head: "What", cell: ({ what }) => what },
          { head: "Platform", cell: ({ platform }) => platform ?? "–" },
          { head: "Size", isNumber: true, cell: ({ bytes }) => (bytes === null ? "not known" : formatBytes(bytes)) },
        ],
      }),
  );
}

/** @param {ImageDetail} detail */
function referrersPanel({ referrers }) {
  if (referrers.length === 0) return null;
  return panel(
    "Referrers",
    { id: "referrers-title", className: "span-all" },
    h(
      "ul",
      {},
      referrers.map(({ digest, kind }) => h("li", {}, digestText(digest), ` ${kind}`)),
    ),
  );
}
