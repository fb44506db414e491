const key = "entrepot-token";

/**
 * The admin token of this tab. It comes in the fragment of the link that `entrepot serve` prints, which no server is told, and leaves
 * the address at once. It is kept until the tab is closed, and sent only as `Authorization`.
 */
export class Session {
  /** @type {string | undefined} */
  #token;
  /** @type {(() => void)[]} */
  #listeners = [];
  /** Whether the instance has said that the token is not its own. */
  isRefused = false;

  constructor() {
    this.#token = sessionStorage.getItem(key) ?? undefined;
  }

  get token() {
    return this.#token;
  }

  get mayWrite() {
    return this.#token !== undefined;
  }

  /** @param {() => void} listener */
  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Takes the token out of the address, where there is one. */
  takeFromAddress() {
    const token = /^#token=([\w.~+/=-]+)$/.exec(location.hash)?.[1];
    if (token === undefined) return;
    history.replaceState(null, "", `${location.pathname}#/`);
    this.use(token);
  }

  /** @param {string} token */
  use(token) {
    sessionStorage.setItem(key, token);
    this.#token = token;
    this.isRefused = false;
    this.#changed();
  }

  /** @param {string} token - The one that was refused; another may have come meanwhile. */
  refuse(token) {
    if (token !== this.#token) return;
    this.forget();
    this.isRefused = true;
    this.#changed();
  }

  forget() {
    sessionStorage.removeItem(key);
    this.#token = undefined;
    this.isRefused = false;
    this.#changed();
  }

  #changed() {
    for (const listener of this.#listeners) listener();
  }
}
