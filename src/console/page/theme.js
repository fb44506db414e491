import { h } from "./dom.js";

const key = "entrepot-theme";
const themes = ["system", "light", "dark"];
/** @type {Set<() => void>} */
const listeners = new Set();

/**
 * Calls `listener` when other colours hold.
 * @param {() => void} listener
 * @returns {() => void} takes it back
 */
export function onThemeChange(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The switch between light, dark and what the system says. */
export function themeSwitch() {
  const kept = localStorage.getItem(key) ?? "";
  apply(themes.includes(kept) ? kept : "system");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
  const select = h(
    "select",
    { "aria-label": "Theme", class: "quiet-select", onChange: () => choose(select.value) },
    themes.map((theme) => h("option", { value: theme, selected: theme === current() }, names[theme] ?? theme)),
  );
  return select;
}

/** @type {Record<string, string>} */
const names = { system: "System", light: "Light", dark: "Dark" };

function current() {
  return document.documentElement.dataset.theme ?? "system";
}

/** @param {string} theme */
function choose(theme) {
  if (theme === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, theme);
  apply(theme);
  tell();
}

/** @param {string} theme */
function apply(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function tell() {
  for (const listener of [...listeners]) listener();
}

/**
 * A colour of the theme, for a canvas.
 * @param {string} name - Of a CSS property that holds a colour.
 */
export function themeColour(name) {
  const probe = h("span", { style: { color: `var(${name})` }, hidden: true });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
