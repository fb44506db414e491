import type { ServerResponse } from "node:http";
import type { Events, Subscription } from "../telemetry/index.ts";
import type { ActivityNow } from "./activity.ts";

const maxListeners = 64;
/** A listener that lets more than this wait is dropped. */
const maxWaitingBytes = 1024 * 1024;
const pingEveryMs = 15_000;
const activityEveryMs = 1000;

export interface EventStreamOptions {
  events: Events;
  /** What goes on now, for listeners that want it. */
  activity: () => Promise<ActivityNow>;
  /** Calls `action` once after `ms`; the returned function cancels. */
  setTimer: (ms: number, action: () => void) => () => void;
  onError: (error: unknown) => void;
}

export interface ListenerOptions {
  /** The id of the last event that the listener has had. */
  after: string | undefined;
  wantsActivity: boolean;
}

interface Listener {
  response: ServerResponse;
  subscription: Subscription;
  wantsActivity: boolean;
  cancelPing: () => void;
  /** Whether what was written before the last ping was still waiting then. */
  isBehind: boolean;
  /** What it was told last of what goes on, without what changes by itself. */
  told: string | undefined;
}

/** The listeners of the event stream (HTML Living Standard, "Server-sent events"), over all addresses of the admin API. */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #listeners = new Set<Listener>();
  #isTelling = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#listeners.size >= maxListeners;
  }

  /** Sends what the listener has missed, and from now on what happens, until it leaves or stops reading. */
  add(response: ServerResponse, { after, wantsActivity }: ListenerOptions): void {
    const subscription = this.#options.events.subscribe((event) => this.#send(listener, eventText(event)), { after });
    const cancelPing = (): void => undefined;
    const listener: Listener = { response, subscription, wantsActivity, cancelPing, isBehind: false, told: undefined };
    this.#listeners.add(listener);
    response.once("close", () => this.#remove(listener));
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no" });
    response.flushHeaders();
    const missed = subscription.recent.map(eventText).join("");
    this.#send(listener, (subscription.hasGap ? gapText : "") + missed);
    this.#pingLater(listener);
    if (wantsActivity) this.#tellActivity();
  }

  close(): void {
    for (const listener of this.#listeners) this.#drop(listener);
  }

  #send(listener: Listener, text: string): void {
    if (text === "" || listener.response.destroyed) return;
    listener.response.write(text);
    if (listener.response.writableLength > maxWaitingBytes) this.#drop(listener);
  }

  /** Whoever has not read by the next ping what was waiting at this one is gone, or as good as that. */
  #pingLater(listener: Listener): void {
    listener.cancelPing = this.#options.setTimer(pingEveryMs, () => {
      const isBehind = listener.response.writableLength > 0;
      if (isBehind && listener.isBehind) {
        this.#drop(listener);
        return;
      }
      listener.isBehind = isBehind;
      this.#send(listener, ": ping\n\n");
      this.#pingLater(listener);
    });
  }

  /** One look for all who want it, as long as there are any. */
  #tellActivity(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const { setTimer, onError } = this.#options;
    const tell = (): void => {
      const wanting = [...this.#listeners].filter(({ wantsActivity }) => wantsActivity);
      this.#isTelling = wanting.length > 0;
      if (!this.#isTelling) return;
      this.#tellAll(wanting)
        .catch(onError)
        .finally(() => void setTimer(activityEveryMs, tell));
    };
    tell();
  }

  async #tellAll(wanting: readonly Listener[]): Promise<void> {
    const now = await this.#options.activity();
    const text = `event: activity\ndata: ${JSON.stringify(now)}\n\n`;
    const told = JSON.stringify({ ...now, stats: { ...now.stats, uptimeSeconds: 0 } });
    for (const listener of wanting.filter((one) => one.told !== told)) {
      listener.told = told;
      this.#send(listener, text);
    }
  }

  #drop(listener: Listener): void {
    this.#remove(listener);
    listener.response.destroy();
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    listener.subscription.end();
    listener.cancelPing();
  }
}

const gapText = "event: gap\ndata: {}\n\n";

/** JSON holds no line ends, so that the data is one line. */
function eventText(event: { id: string; kind: string }): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
