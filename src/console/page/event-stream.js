/** @typedef {{ id: string | undefined, event: string, data: string }} Message */

/** Longer than two of the pings that the server sends each 15 s. */
const silenceMs = 40_000;
const firstRetryMs = 500;
const longestRetryMs = 8000;

/**
 * Reads a stream of server-sent events as text comes in (HTML standard, section 9.2.6). By `fetch`, since EventSource can send no
 * Authorization.
 * @param {(message: Message) => void} onMessage
 * @returns {(text: string) => void}
 */
export function createParser(onMessage) {
  let rest = "";
  /** @type {Message} */
  let message = { id: undefined, event: "message", data: "" };
  const takeLine = (/** @type {string} */ line) => {
    if (line === "") {
      if (message.data !== "") onMessage(message);
      message = { id: undefined, event: "message", data: "" };
      return;
    }
    const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "id") message.id = value;
    else if (field === "event") message.event = value;
    else if (field === "data") message.data += message.data === "" ? value : `\n${value}`;
  };
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) takeLine(line);
  };
}

/**
 * Follows the events of the instance for as long as the page is open: a stream that ends, or is silent for longer than its pings,
 * is opened again behind the last event that came.
 */
export class EventStream {
  #api;
  #on;
  /** @type {string} */
  #lastId;
  #retryMs = firstRetryMs;
  /** @type {AbortController | undefined} */
  #current;
  /** @type {(() => void) | undefined} */
  #wake;

  /**
   * @param {import("./api.js").Api} api
   * @param {{ message: (message: Message) => void, open: () => void, lost: (error: unknown) => void }} on
   * @param {string} lastId
   */
  constructor(api, on, lastId) {
    this.#api = api;
    this.#on = on;
    this.#lastId = lastId;
  }

  /** Never returns. @returns {Promise<never>} */
  async follow() {
    for (;;) {
      try {
        await this.#readOnce();
        this.#on.lost(new Error("the stream has ended"));
      } catch (error) {
        this.#on.lost(error);
      }
      await this.#pause();
    }
  }

  /** Opens it anew at once, with the token that is there now. */
  reopen() {
    this.#retryMs = firstRetryMs;
    this.#current?.abort();
    this.#wake?.();
  }

  async #readOnce() {
    const cancelling = new AbortController();
    this.#current = cancelling;
    let timer = setTimeout(() => cancelling.abort(), silenceMs);
    try {
      const response = await this.#api.open(`/events?activity=1`, {
        headers: { Accept: "text/event-stream", "Last-Event-ID": this.#lastId },
        signal: cancelling.signal,
      });
      if (!response.body) throw new Error("there is no stream");
      this.#retryMs = firstRetryMs;
      this.#on.open();
      const parse = createParser((message) => this.#take(message));
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => cancelling.abort(), silenceMs);
        parse(decoder.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(timer);
      cancelling.abort();
    }
  }

  /** @param {Message} message */
  #take(message) {
    if (message.id !== undefined) this.#lastId = message.id;
    this.#on.message(message);
  }

  async #pause() {
    const ms = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }
}
