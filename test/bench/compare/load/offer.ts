import { Connection, type Answer } from "./connection.ts";
import type { Offer, Taken, Target } from "./protocol.ts";

const toldErrors = 5;

/** Makes the requests of an offer; resolves when all that were made have been answered. */
export function makeOffer(offer: Offer): Promise<Taken> {
  return new Promise((resolve) => new Offering(offer, resolve).begin());
}

class Offering {
  readonly #offer: Offer;
  readonly #resolve: (taken: Taken) => void;
  readonly #idle: Connection[] = [];
  /** When those that wait for a connection were due. */
  readonly #waiting: number[] = [];
  readonly #taken: Taken = { seconds: 0, requests: 0, bytes: 0, latenciesMs: {}, errors: { count: 0, words: [] } };
  #startedAt = 0;
  #settledAt = 0;
  #made = 0;
  #underWay = 0;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(offer: Offer, resolve: (taken: Taken) => void) {
    this.#offer = offer;
    this.#resolve = resolve;
    for (const { kind } of offer.targets) this.#taken.latenciesMs[kind] ??= [];
    for (let opened = 0; opened < offer.connections; opened += 1) this.#open();
  }

  begin(): void {
    this.#startedAt = performance.now();
    this.#settledAt = this.#startedAt + this.#offer.settleSeconds * 1000;
    if (this.#offer.ratePerSecond === undefined) while (this.#idle.length > 0) this.#make(performance.now());
    else this.#timer = setInterval(() => this.#makeDue(), 1);
    setTimeout(() => this.#end(), this.#offer.seconds * 1000);
  }

  #open(): void {
    let isLost = false;
    const connection = new Connection(this.#offer.url, (error) => {
      if (isLost || this.#isOver) return;
      isLost = true;
      this.#lose(connection, error);
    });
    this.#idle.push(connection);
  }

  /** A server may close what is idle; what was under way has failed. */
  #lose(connection: Connection, error: Error): void {
    const place = this.#idle.indexOf(connection);
    if (place >= 0) {
      this.#idle.splice(place, 1);
    } else {
      this.#complain(error.message);
      this.#underWay -= 1;
    }
    // One that cannot be opened at all would be tried for ever.
    if (this.#taken.errors.count < this.#offer.connections) this.#open();
    this.#resolveIfDone();
  }

  #makeDue(): void {
    const { ratePerSecond = 0 } = this.#offer;
    const now = performance.now();
    const due = Math.floor(((now - this.#startedAt) / 1000) * ratePerSecond);
    while (this.#made + this.#waiting.length < due) {
      if (this.#idle.length > 0) this.#make(now);
      else this.#waiting.push(now);
    }
  }

  #make(dueAt: number): void {
    const connection = this.#idle.pop();
    const { targets, order } = this.#offer;
    const target = targets[order[this.#made % order.length] ?? 0];
    if (!connection || !target) throw new Error("nothing to ask, or nowhere");
    this.#made += 1;
    this.#underWay += 1;
    connection.ask(target, (answer) => this.#take(connection, target, answer, dueAt));
  }

  #take(connection: Connection, target: Target, answer: Answer, dueAt: number): void {
    this.#underWay -= 1;
    this.#idle.push(connection);
    const expected = target.method === "HEAD" ? 0 : target.bytes;
    if (answer.status !== 200 || answer.bytes !== expected) {
      this.#complain(`${target.method} ${target.path}: ${answer.status}, ${answer.bytes} of ${expected} bytes`);
    } else {
      this.#taken.requests += 1;
      this.#taken.bytes += answer.bytes;
      if (dueAt >= this.#settledAt) this.#taken.latenciesMs[target.kind]?.push(answer.endedAt - dueAt);
    }
    if (this.#isOver) {
      this.#resolveIfDone();
      return;
    }
    const next = this.#offer.ratePerSecond === undefined ? answer.endedAt : this.#waiting.shift();
    if (next !== undefined) this.#make(next);
  }

  #complain(words: string): void {
    const { errors } = this.#taken;
    errors.count += 1;
    if (errors.words.length < toldErrors) errors.words.push(words);
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#isOver = true;
    this.#resolveIfDone();
  }

  #resolveIfDone(): void {
    if (!this.#isOver || this.#underWay > 0) return;
    for (const connection of this.#idle) connection.close();
    this.#taken.seconds = (performance.now() - this.#startedAt) / 1000;
    this.#resolve(this.#taken);
  }
}
