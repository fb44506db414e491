import { ApiProblem } from "../api.js";
import { fill, h } from "../dom.js";

/**
 * A place for what has to be asked for. What comes last is shown: an answer that was overtaken is dropped.
 * @template T
 */
export class Remote {
  element = h("div", { class: "remote", "aria-busy": "true" }, h("p", { class: "muted" }, "Loading…"));
  #ask;
  #show;
  #turn = 0;
  /** @type {AbortController} */
  #cancelling = new AbortController();

  /**
   * @param {(signal: AbortSignal) => Promise<T>} ask
   * @param {(answer: T) => import("../dom.js").Child | import("../dom.js").Child[]} show
   */
  constructor(ask, show) {
    this.#ask = ask;
    this.#show = show;
  }

  async load() {
    this.#cancelling.abort();
    const cancelling = new AbortController();
    this.#cancelling = cancelling;
    this.#turn += 1;
    const turn = this.#turn;
    this.element.setAttribute("aria-busy", "true");
    try {
      const answer = await this.#ask(cancelling.signal);
      if (turn === this.#turn) fill(this.element, this.#show(answer));
    } catch (error) {
      if (turn !== this.#turn || cancelling.signal.aborted) return;
      fill(this.element, this.#failure(error));
      if (!(error instanceof ApiProblem)) reportError(error);
    }
    this.element.setAttribute("aria-busy", "false");
  }

  close() {
    this.#turn += 1;
    this.#cancelling.abort();
  }

  /** @param {unknown} error */
  #failure(error) {
    return h(
      "div",
      { class: "failure", role: "alert" },
      h("p", {}, error instanceof Error ? error.message : String(error)),
      h("button", { type: "button", onClick: () => void this.load() }, "Try again"),
    );
  }
}
