import { EventStream } from "./event-stream.js";

/** @typedef {import("./documents.d.ts").Stats} Stats */
/** @typedef {import("./documents.d.ts").Fill} Fill */
/** @typedef {import("./documents.d.ts").EntrepotEvent} EntrepotEvent */
/** @typedef {"stats" | "event" | "connection"} Change */

const keptEvents = 1000;
/** An id that no instance gives: all that is still kept is sent. */
const beforeAll = "0-0";

/** What is known of the instance at this moment, kept up to date by its events. */
export class Live {
  /** @type {Stats | undefined} */
  stats;
  /** @type {Fill[]} */
  fills = [];
  /** Newest first. @type {EntrepotEvent[]} */
  events = [];
  /** Whether events were lost between those that are known. */
  hasGap = false;
  /** @type {"connecting" | "open" | "lost"} */
  connection = "connecting";
  #stream;
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#stream = new EventStream(
      api,
      {
        message: (message) => this.#take(message),
        open: () => this.#connected("open"),
        lost: () => this.#connected("lost"),
      },
      beforeAll,
    );
  }

  start() {
    void this.#stream.follow();
  }

  reconnect() {
    this.#stream.reopen();
  }

  /**
   * @param {(change: Change) => void} listener
   * @returns {() => void} takes it back
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param {import("./event-stream.js").Message} message */
  #take({ event, data }) {
    if (event === "gap") {
      this.hasGap = this.events.length > 0;
      return;
    }
    /** @type {unknown} */
    const document = JSON.parse(data);
    if (event === "activity") {
      const now = /** @type {{ stats: Stats, fills: Fill[] }} */ (document);
      this.stats = now.stats;
      this.fills = now.fills;
      this.#tell("stats");
      return;
    }
    this.#add(/** @type {EntrepotEvent} */ (document));
  }

  /** @param {EntrepotEvent} event */
  #add(event) {
    if (this.events.some(({ id }) => id === event.id)) return;
    this.events.unshift(event);
    this.events.length = Math.min(this.events.length, keptEvents);
    this.#tell("event");
  }

  /** @param {"open" | "lost"} connection */
  #connected(connection) {
    if (this.connection === connection) return;
    this.connection = connection;
    this.#tell("connection");
  }

  /** @param {Change} change */
  #tell(change) {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        // A fault of the page is not one of the connection.
        reportError(error);
      }
    }
  }
}
