import { fill } from "./dom.js";

/**
 * What is shown under an address.
 * @typedef {object} View
 * @property {string} title
 * @property {HTMLElement} element - Its first h1 takes the focus when one comes here.
 * @property {(query: URLSearchParams) => void} [onQuery] - The same page is asked for with another query.
 * @property {() => void} [close]
 */

/**
 * An address within the page, `#/images?q=alpine`.
 * @param {string} page
 * @param {Record<string, string | undefined>} [query]
 */
export function linkTo(page, query = {}) {
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined || value === "" ? [] : [[key, value]],
  );
  const text = new URLSearchParams(given).toString();
  return `#/${page}${text === "" ? "" : `?${text}`}`;
}

/** @param {string} image */
export function linkToImage(image) {
  return linkTo("image", { image });
}

/** Shows the view that the address names; the browser's own history does the rest. */
export class Router {
  #main;
  #views;
  /** @type {(page: string) => void} */
  #onShown;
  /** @type {View | undefined} */
  #view;
  #page = "";

  /**
   * @param {HTMLElement} main
   * @param {Record<string, (query: URLSearchParams) => View>} views - The one named `missing` stands in for those that are not there.
   * @param {(page: string) => void} onShown
   */
  constructor(main, views, onShown) {
    this.#main = main;
    this.#views = views;
    this.#onShown = onShown;
  }

  start() {
    addEventListener("hashchange", () => this.#goTo(true));
    this.#goTo(false);
  }

  /** Makes the view anew, as what one may do has changed. */
  renew() {
    if (this.#view) this.#show(parseAddress(), false);
  }

  /** @param {boolean} takesFocus */
  #goTo(takesFocus) {
    const address = parseAddress();
    if (address.page === this.#page && this.#view?.onQuery) this.#view.onQuery(address.query);
    else this.#show(address, takesFocus);
  }

  /**
   * @param {{ page: string, query: URLSearchParams }} address
   * @param {boolean} takesFocus
   */
  #show({ page, query }, takesFocus) {
    this.#view?.close?.();
    const create = Object.hasOwn(this.#views, page) ? this.#views[page] : this.#views.missing;
    if (!create) throw new Error("there is no view for what is missing");
    this.#page = page;
    this.#view = create(query);
    document.title = `${this.#view.title} · entrepot`;
    fill(this.#main, this.#view.element);
    this.#onShown(page);
    if (takesFocus) this.#focusHeading();
  }

  #focusHeading() {
    scrollTo(0, 0);
    const heading = this.#main.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }
}

function parseAddress() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { page: path, query: new URLSearchParams(query) };
}
