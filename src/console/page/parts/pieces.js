import { h, setStyle } from "../dom.js";

/**
 * A section with its heading, for screen readers a region by that name.
 * @param {string} title
 * @param {{ id: string, note?: import("../dom.js").Child, className?: string }} how
 * @param {...(import("../dom.js").Child | import("../dom.js").Child[])} children
 */
export function panel(title, { id, note, className = "" }, ...children) {
  return h(
    "section",
    { class: `panel ${className}`, "aria-labelledby": id },
    h("div", { class: "panel-head" }, h("h2", { id }, title), note ?? null),
    ...children,
  );
}

/**
 * @param {string} words
 * @param {"good" | "bad" | "warn" | "plain"} [kind]
 */
export function badge(words, kind = "plain") {
  return h("span", { class: `badge badge-${kind}` }, words);
}

/**
 * A bar that says how much of a whole there is.
 * @param {string} label
 * @param {string} [role] - `progressbar` for what goes on, `meter` for what is.
 */
export function bar(label, role = "meter") {
  const part = h("span", { class: "bar-part" });
  const element = h(
    "span",
    { class: "bar", role, "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    part,
  );
  return {
    element,
    /**
     * @param {number | null} share - From 0 to 1; null where the whole is not known.
     * @param {string} words
     */
    set(share, words) {
      element.classList.toggle("bar-unknown", share === null);
      const percent = Math.round(Math.min(1, Math.max(0, share ?? 0)) * 100);
      if (share === null && role === "progressbar") element.removeAttribute("aria-valuenow");
      else element.setAttribute("aria-valuenow", String(percent));
      element.setAttribute("aria-valuetext", words);
      setStyle(part, { width: share === null ? "" : `${Math.min(1, Math.max(0, share)) * 100}%` });
    },
  };
}

/**
 * Facts as a list of names and values.
 * @param {[name: string, value: import("../dom.js").Child | import("../dom.js").Child[]][]} facts
 * @param {string} [className] - `figure-facts` has its values in a column to the right.
 */
export function factList(facts, className = "") {
  return h(
    "dl",
    { class: `facts ${className}` },
    facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** @param {...(import("../dom.js").Child | import("../dom.js").Child[])} children */
export function empty(...children) {
  return h("div", { class: "empty" }, ...children);
}
