import { h } from "../dom.js";

/**
 * @template T
 * @typedef {object} Column
 * @property {import("../dom.js").Child} head
 * @property {(item: T) => import("../dom.js").Child | import("../dom.js").Child[]} cell
 * @property {boolean} [isNumber]
 * @property {boolean} [isHead] - The cell names its row.
 * @property {"ascending" | "descending" | "none"} [sorted] - Where one may sort by it.
 * @property {boolean} [isWide] - Has a line of its own in a card.
 * @property {string} [label] - What stands before the cell where the table is shown as a list of cards; the head, where that is text.
 */

/**
 * A table that is one for screen readers too when a narrow screen shows it as cards, for which its roles are written out.
 * @template T
 * @param {{ caption: string, columns: Column<T>[], items: readonly T[], isCaptionHidden?: boolean, className?: string }} table
 */
export function table({ caption, columns, items, isCaptionHidden = true, className = "" }) {
  return h(
    "table",
    { role: "table", class: `cards ${className}` },
    h("caption", { class: isCaptionHidden ? "hidden" : undefined }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map(headCell))),
    h(
      "tbody",
      { role: "rowgroup" },
      items.map((item) => row(columns, item)),
    ),
  );
}

/** @param {Column<any>} column */
function headCell({ head, isNumber, sorted }) {
  const attributes = {
    scope: "col",
    role: "columnheader",
    class: isNumber ? "number" : undefined,
    "aria-sort": sorted,
  };
  return h("th", attributes, head);
}

/**
 * @template T
 * @param {Column<T>[]} columns
 * @param {T} item
 */
export function row(columns, item) {
  return h(
    "tr",
    { role: "row" },
    columns.map(({ head, cell, isNumber, isHead, isWide, label }) => {
      const name = label ?? (typeof head === "string" ? head : "");
      const attributes = { class: isNumber ? "number" : isWide ? "wide" : undefined, "data-label": name };
      return isHead
        ? h("th", { ...attributes, scope: "row", role: "rowheader" }, cell(item))
        : h("td", { ...attributes, role: "cell" }, cell(item));
    }),
  );
}
