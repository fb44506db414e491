import { randomBytes } from "node:crypto";
import type { NewEvent, PublishedEvent } from "./event.ts";

export type EventListener = (event: PublishedEvent) => void;

export interface Subscription {
  /** Whether events behind the one that was asked for are not kept any more. */
  readonly hasGap: boolean;
  /** What has happened since the event that was asked for, as far as it is kept; the oldest first. */
  readonly recent: readonly PublishedEvent[];
  /** Ends it; safe to call twice. */
  end(): void;
}

/** What happens, told to whoever listens, and kept for a while for those who come back. */
export interface Events {
  emit(event: NewEvent): void;
  /**
   * `listener` is told what happens from now on.
   * @param options.after - The id of the last event that is known. One that is not kept, or of another process, makes a gap:
   * then all that is kept is recent.
   */
  subscribe(listener: EventListener, options?: { after?: string | undefined }): Subscription;
}

export interface EventsOptions {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** How many events are kept. */
  keep: number;
}

/** Ids hold a number of this process, so that those of an earlier one are known as such. */
export function createEvents({ now, keep }: EventsOptions): Events {
  const boot = randomBytes(6).toString("hex");
  const listeners = new Set<EventListener>();
  const kept: PublishedEvent[] = [];
  let sequence = 0;

  const since = (after: string): Pick<Subscription, "hasGap" | "recent"> => {
    const [, givenBoot, digits] = /^([0-9a-f]+)-(\d{1,15})$/.exec(after) ?? [];
    const number = Number(digits);
    const oldest = sequence - kept.length + 1;
    const isKnown = givenBoot === boot && number <= sequence && number >= oldest - 1;
    return isKnown ? { hasGap: false, recent: kept.slice(number - oldest + 1) } : { hasGap: true, recent: [...kept] };
  };

  return {
    emit(event) {
      sequence += 1;
      const published = { id: `${boot}-${sequence}`, at: new Date(now()).toISOString(), ...event };
      kept.push(published);
      if (kept.length > keep) kept.shift();
      for (const listener of [...listeners]) listener(published);
    },
    subscribe(listener, { after } = {}) {
      // Of its own, so that one function may listen twice.
      const own: EventListener = (event) => listener(event);
      listeners.add(own);
      const missed = after === undefined ? { hasGap: false, recent: [] } : since(after);
      return { ...missed, end: () => void listeners.delete(own) };
    },
  };
}
