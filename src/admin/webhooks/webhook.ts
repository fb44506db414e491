import { readFile } from "node:fs/promises";
import type { EventKind, PublishedEvent } from "../../telemetry/index.ts";
import { send } from "./send.ts";
import { signatureOf } from "./signature.ts";

/** Between one attempt and the next, in seconds; about an hour together. */
const waitsSeconds = [5, 20, 60, 180, 480, 900, 1800];
/** A receiver that wants to be left alone for longer is asked after this. */
const longestWaitSeconds = 3600;
const answerWithinMs = 10_000;
/** Events that wait beyond these push out the oldest. */
const maxWaiting = 1000;

export interface WebhookSettings {
  /** http or https. May hold a secret in its path. */
  url: string;
  secretFile: string;
  /** Undefined: every kind. */
  only: readonly EventKind[] | undefined;
}

/** Whom a webhook tells what has become of events. `hook` is for people and holds no secret. */
export interface WebhookObserver {
  delivered(hook: string): void;
  /** An event has not been taken and will not be sent again. */
  failed(hook: string, event: PublishedEvent, reason: string): void;
  /** So many events were not sent, because too many were waiting or because we stop. */
  dropped(hook: string, count: number, because: "overflow" | "stop"): void;
}

export interface WebhookPorts {
  /** Of the sender: goes into every delivery. */
  instance: { name: string; version: string };
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Calls `action` once after `ms`; the returned function cancels. */
  setTimer: (ms: number, action: () => void) => () => void;
  /** From 0 to 1; `Math.random` by default. */
  random?: () => number;
  observer: WebhookObserver;
}

type Attempt =
  | { kind: "taken" }
  | { kind: "given-up" }
  | { kind: "refused" | "later"; reason: string; retryAfterSeconds?: number | undefined };

/** Sends events to one receiver, one at a time and in their order. Whatever it does, nobody else waits for it. */
export class Webhook {
  readonly name: string;
  readonly #settings: WebhookSettings;
  readonly #ports: WebhookPorts;
  readonly #closing = new AbortController();
  readonly #waiting: PublishedEvent[] = [];
  #sending: Promise<void> | undefined;
  #secret: string | undefined;

  /** @param name - Its place in the configuration. */
  constructor(name: string, settings: WebhookSettings, ports: WebhookPorts) {
    this.name = `${name} (${new URL(settings.url).origin})`;
    this.#settings = settings;
    this.#ports = ports;
  }

  offer(event: PublishedEvent): void {
    const { only } = this.#settings;
    if (this.#closing.signal.aborted || (only && !only.includes(event.kind))) return;
    this.#waiting.push(event);
    if (this.#waiting.length > maxWaiting) {
      this.#waiting.shift();
      this.#ports.observer.dropped(this.name, 1, "overflow");
    }
    this.#sending ??= this.#sendAll();
  }

  /** Drops what waits and ends what is being sent. */
  async close(): Promise<void> {
    const left = this.#waiting.splice(0).length + (this.#sending ? 1 : 0);
    this.#closing.abort(new Error("the server stops"));
    await this.#sending;
    if (left > 0) this.#ports.observer.dropped(this.name, left, "stop");
  }

  /** Is over in the very moment in which nothing waits any more: what is offered then begins another. */
  async #sendAll(): Promise<void> {
    try {
      for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) await this.#deliver(event);
    } finally {
      this.#sending = undefined;
    }
  }

  async #deliver(event: PublishedEvent): Promise<void> {
    const { observer } = this.#ports;
    for (const wait of [...waitsSeconds, undefined]) {
      const attempt = await this.#attempt(event);
      if (attempt.kind === "given-up") return;
      if (attempt.kind === "taken") {
        observer.delivered(this.name);
        return;
      }
      if (attempt.kind === "refused" || wait === undefined) {
        observer.failed(this.name, event, attempt.reason);
        return;
      }
      await this.#pause(Math.max(wait * this.#jitter(), attempt.retryAfterSeconds ?? 0));
    }
  }

  async #attempt(event: PublishedEvent): Promise<Attempt> {
    if (this.#isClosed()) return { kind: "given-up" };
    const { instance, now, setTimer } = this.#ports;
    const body = JSON.stringify({ ...event, instance });
    const late = new AbortController();
    const cancel = setTimer(answerWithinMs, () => late.abort(new Error("no answer in time")));
    try {
      const headers = {
        "content-type": "application/json",
        "user-agent": `entrepot/${instance.version}`,
        "entrepot-event": event.kind,
        "entrepot-delivery": event.id,
        "entrepot-signature": signatureOf(await this.#readSecret(), now(), body),
      };
      const signal = AbortSignal.any([this.#closing.signal, late.signal]);
      const { status, retryAfter } = await send({ url: new URL(this.#settings.url), headers, body, signal });
      return judge(status, secondsOf(retryAfter, now()));
    } catch (error) {
      if (this.#isClosed()) return { kind: "given-up" };
      return { kind: "later", reason: late.signal.aborted ? "no answer within 10 s" : reasonOf(error) };
    } finally {
      cancel();
    }
  }

  /** As the file is now: a new secret holds from the next attempt on. One that cannot be read does not end the old one. */
  async #readSecret(): Promise<string> {
    const read = readFile(this.#settings.secretFile, "utf8").then((text) => text.trim());
    const secret = await read.catch((error: unknown) => {
      if (this.#secret === undefined) throw error;
      return this.#secret;
    });
    if (secret !== "") this.#secret = secret;
    if (this.#secret === undefined) throw new Error("its secretFile is empty");
    return this.#secret;
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** From 0.8 to 1.2. */
  #jitter(): number {
    return 0.8 + 0.4 * (this.#ports.random ?? Math.random)();
  }

  #pause(seconds: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#ports.setTimer(seconds * 1000, end);
      signal.addEventListener("abort", end);
    });
  }
}

/** What is worth another attempt: the receiver's own failure, and a limit. Redirects are not followed. */
function judge(status: number, retryAfterSeconds: number | undefined): Attempt {
  if (status >= 200 && status < 300) return { kind: "taken" };
  const reason = `it answers ${status}`;
  if (status >= 500 || status === 408 || status === 429) return { kind: "later", reason, retryAfterSeconds };
  return { kind: "refused", reason: status >= 300 && status < 400 ? `${reason}; redirects are not followed` : reason };
}

/** Retry-After is a number of seconds or a date (RFC 9110 section 10.2.3). */
function secondsOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), longestWaitSeconds);
}

/** The code of an error of the network: its words may hold the URL. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
  return code === undefined ? "it cannot be reached" : `it cannot be reached (${code})`;
}
