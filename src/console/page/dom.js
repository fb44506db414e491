/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {string | number | boolean | null | undefined | ((event: any) => void) | Record<string, string>} Attribute */

const svgNames = new Set(["svg", "path"]);

/**
 * Makes an element. What comes from the API goes in as text or as an attribute, never as markup.
 * `on…` adds a listener; `style` is an object of CSS properties, as the page's policy refuses style attributes; `true` is an empty
 * attribute, and `false`, null and undefined are none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) setAttribute(element, key, value);
  element.append(...toNodes(children.flat()));
  return element;
}

/**
 * A drawn sign, for the eye alone: what it says stands beside it as text.
 * @param {string} path - In a square of 16.
 * @returns {SVGElement}
 */
export function icon(path) {
  const make = (/** @type {string} */ name) => document.createElementNS("http://www.w3.org/2000/svg", name);
  const [svg, line] = [...svgNames].map(make);
  if (!svg || !line) throw new Error("svg cannot be made");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  line.setAttribute("d", path);
  svg.append(line);
  return /** @type {SVGElement} */ (svg);
}

/**
 * @param {Element} element
 * @param {string} key
 * @param {Attribute} value
 */
function setAttribute(element, key, value) {
  if (value === undefined || value === null || value === false) return;
  if (typeof value === "function") element.addEventListener(key.slice(2).toLowerCase(), value);
  else if (typeof value === "object") setStyle(/** @type {HTMLElement} */ (element), value);
  else if (key === "href" && !String(value).startsWith("#")) throw new Error("links lead to pages of this page only");
  else element.setAttribute(key, value === true ? "" : String(value));
}

/**
 * @param {HTMLElement} element
 * @param {Record<string, string>} properties
 */
export function setStyle(element, properties) {
  for (const [property, value] of Object.entries(properties)) element.style.setProperty(property, value);
}

/** @param {Child[]} children */
function toNodes(children) {
  /** @type {(Node | string)[]} */
  const nodes = [];
  for (const child of children) {
    if (child instanceof Node) nodes.push(child);
    else if (child !== null && child !== undefined && child !== false) nodes.push(String(child));
  }
  return nodes;
}

/**
 * Puts `children` in the place of what the element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...toNodes(children.flat()));
}

/**
 * Sets the text where it is another one, so that a screen reader is not told the same again.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A list that keeps one child per item, by its key, in the order of the items: elements stay, and with them the focus.
 * @template T
 * @param {Element} parent - Holds nothing else.
 * @param {{ keyOf: (item: T) => string, create: (item: T) => { element: HTMLElement, set?: (item: T) => void } }} how
 * @returns {(items: readonly T[]) => void} shows these
 */
export function keptList(parent, { keyOf, create }) {
  /** @type {Map<string, ReturnType<typeof create>>} */
  let shown = new Map();
  return (items) => {
    const now = new Map(items.map((item) => [keyOf(item), shown.get(keyOf(item)) ?? create(item)]));
    for (const [key, { element }] of shown) if (!now.has(key)) element.remove();
    shown = now;
    items.forEach((item, position) => {
      const child = now.get(keyOf(item));
      if (!child) return;
      child.set?.(item);
      const there = parent.children[position];
      if (there !== child.element) parent.insertBefore(child.element, there ?? null);
    });
  };
}
