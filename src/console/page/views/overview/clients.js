import { fill, h } from "../../dom.js";
import { ago, countOf, formatCount } from "../../format.js";
import { panel } from "../../parts/pieces.js";
import { table } from "../../parts/table.js";

/** @typedef {import("../../documents.d.ts").Stats} Stats */

/** Who pulls through the cache: a family that has fallen silent may pass it by. */
export function clientsPanel() {
  const place = h("div");
  let shown = "";
  return {
    element: panel("Clients", { id: "clients-title" }, place),
    /** @param {Stats} stats */
    set({ requestsByClient }) {
      const text = JSON.stringify(requestsByClient);
      if (text === shown) return;
      shown = text;
      const all = Object.entries(requestsByClient).map(([name, { requests, lastAt }]) => ({ name, requests, lastAt }));
      const seen = all.filter(({ lastAt, requests }) => lastAt !== null || requests > 0);
      const silent = all.filter(({ lastAt, requests }) => lastAt === null && requests === 0).map(({ name }) => name);
      seen.sort((one, other) => (other.lastAt ?? "").localeCompare(one.lastAt ?? ""));
      fill(
        place,
        seen.length > 0 && clientTable(seen),
        silent.length > 0 && h("p", { class: "muted small-print" }, `Not seen since the start: ${silent.join(", ")}.`),
      );
    },
  };
}

/** @param {{ name: string, requests: number, lastAt: string | null }[]} items */
function clientTable(items) {
  return table({
    caption: `Requests by ${countOf(items.length, "family", "families")} of clients`,
    className: "plain",
    items,
    columns: [
      { head: "Client", isHead: true, cell: ({ name }) => name },
      { head: "Requests", isNumber: true, cell: ({ requests }) => formatCount(requests) },
      { head: "Last seen", cell: ({ lastAt }) => ago(lastAt) },
    ],
  });
}
