import { h } from "../dom.js";

const shownMs = 8000;
const most = 4;

/** Short messages about what has been done; an error stays until it is closed. */
export class Notices {
  #place;

  /** @param {HTMLElement} place - A live region, so that screen readers say what comes. */
  constructor(place) {
    this.#place = place;
  }

  /** @param {string} words */
  done(words) {
    const notice = this.#show("done", words);
    setTimeout(() => notice.remove(), shownMs);
  }

  /** What went wrong, in the words of the API. @param {unknown} error */
  failed(error) {
    this.#show("failed", error instanceof Error ? error.message : String(error));
  }

  /**
   * @param {"done" | "failed"} kind
   * @param {string} words
   */
  #show(kind, words) {
    const notice = h(
      "div",
      { class: `notice notice-${kind}`, role: kind === "failed" ? "alert" : undefined },
      h("p", {}, words),
      h(
        "button",
        { type: "button", class: "quiet", "aria-label": "Close this message", onClick: () => notice.remove() },
        "×",
      ),
    );
    this.#place.append(notice);
    while (this.#place.children.length > most) this.#place.firstElementChild?.remove();
    return notice;
  }
}
