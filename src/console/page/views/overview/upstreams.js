import { fill, h } from "../../dom.js";
import { ago, formatBytes, formatCount } from "../../format.js";
import { badge, bar, panel } from "../../parts/pieces.js";
import { table } from "../../parts/table.js";

/** @typedef {import("../../documents.d.ts").UpstreamItem} UpstreamItem */

/** The registries behind the cache: whether they answer, and what their quotas leave. */
export function upstreamsPanel() {
  const place = h("div", {}, h("p", { class: "muted" }, "Loading…"));
  return {
    element: panel("Upstreams", { id: "upstreams-title", className: "span-all" }, place),
    /** @param {UpstreamItem[]} items */
    set(items) {
      const used = items.filter((item) => isWorthARow(item));
      const idle = items.filter((item) => !isWorthARow(item)).map(({ name }) => name);
      fill(
        place,
        used.length > 0 && upstreamTable(used),
        idle.length > 0 && h("p", { class: "muted small-print" }, `Not asked since the start: ${idle.join(", ")}.`),
      );
    },
    /** @param {unknown} error */
    fail(error) {
      fill(place, h("p", { class: "failure" }, error instanceof Error ? error.message : String(error)));
    },
  };
}

/** @param {UpstreamItem} upstream */
function isWorthARow({ requests, isDefault, endpoints, quota }) {
  return requests > 0 || isDefault || quota.limit !== null || endpoints.some(({ breaker }) => breaker !== "closed");
}

/** @param {UpstreamItem[]} items */
function upstreamTable(items) {
  return table({
    caption: "Upstreams with their health and quota",
    items,
    columns: [
      {
        head: "Upstream",
        isHead: true,
        cell: ({ name, isDefault }) => [name, isDefault && h("span", { class: "muted" }, " default")],
      },
      { head: "Health", cell: health },
      { head: "Quota left", isWide: true, cell: quotaLeft },
      { head: "Requests", isNumber: true, cell: ({ requests }) => formatCount(requests) },
      { head: "Failed", isNumber: true, cell: ({ failures }) => formatCount(failures) },
      { head: "Fetched", isNumber: true, cell: ({ fetchedBytes }) => formatBytes(fetchedBytes) },
      { head: "Saved", isNumber: true, cell: ({ savedBytes }) => formatBytes(savedBytes) },
    ],
  });
}

/** @param {UpstreamItem} upstream */
function health({ offline, endpoints }) {
  if (offline) return badge("offline", "warn");
  const broken = endpoints.filter(({ breaker }) => breaker !== "closed");
  if (broken.length === 0) return badge("answers", "good");
  return broken.map(({ host, breaker, openUntil }) =>
    h(
      "span",
      { class: "health" },
      badge(breaker === "open" ? "down" : "probing", breaker === "open" ? "bad" : "warn"),
      endpoints.length > 1 && ` ${host}`,
      openUntil !== null && h("span", { class: "muted" }, " asked again ", ago(openUntil)),
    ),
  );
}

/** @param {UpstreamItem} upstream */
function quotaLeft({ name, quota }) {
  const { limit, remaining, resetAt, limitedUntil, isLow } = quota;
  const limited =
    limitedUntil !== null && h("span", { class: "quota-note" }, badge("limited", "bad"), " until ", ago(limitedUntil));
  if (remaining === null || limit === null || limit === 0) return limited || h("span", { class: "muted none" }, "–");
  const words = `${formatCount(remaining)} of ${formatCount(limit)}`;
  const meter = bar(`Quota of ${name}`);
  meter.set(remaining / limit, words);
  meter.element.classList.toggle("bar-low", isLow);
  return h(
    "div",
    { class: "quota" },
    h("span", {}, words, isLow && [" ", badge("low", "warn")]),
    meter.element,
    resetAt !== null && h("span", { class: "quota-note" }, "full again ", ago(resetAt)),
    limited,
  );
}
