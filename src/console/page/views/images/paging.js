import { h } from "../../dom.js";
import { formatCount } from "../../format.js";

export const pageSize = 50;

/**
 * Which part of the list is shown, and the way on. The way back is the browser's own.
 * @param {URLSearchParams} query
 * @param {{ shown: number, total: number, nextCursor: string | null, change: (changes: Record<string, string | undefined>) => void }} list
 */
export function paging(query, { shown, total, nextCursor, change }) {
  const page = Math.max(1, Number(query.get("page") ?? 1) || 1);
  if (page === 1 && nextCursor === null) return null;
  const first = (page - 1) * pageSize + 1;
  const next = nextCursor ?? undefined;
  return h(
    "nav",
    { class: "paging", "aria-label": "Pages of the list" },
    h("span", {}, `${formatCount(first)}–${formatCount(first + shown - 1)} of ${formatCount(total)}`),
    h("button", { type: "button", disabled: page === 1, onClick: () => change({}) }, "First page"),
    h(
      "button",
      { type: "button", disabled: next === undefined, onClick: () => change({ cursor: next, page: String(page + 1) }) },
      "Next page",
    ),
  );
}
