import type { Asked } from "./asked.ts";
import type { RequestKind } from "./request-log.ts";
import type { Temperament } from "./temperament.ts";

export interface MisbehaviourRule {
  on: RequestKind | "any";
  method?: string;
  repository?: string;
  reference?: string;
  /** Further conditions, such as whether a Range was asked for. */
  when?: (asked: Asked) => boolean;
  /** So many matching requests are answered well first. */
  skip?: number;
  /** Default: for ever. */
  times?: number;
  /** Default: only requests that got past authorization meet the rule, and use it up. */
  isBeforeAuth?: boolean;
  temperament: Temperament | Temperament[];
}

/** A rule at work. */
export interface Misbehaviour {
  /** Requests that have met it. */
  readonly hits: number;
  stop(): void;
}

interface ActiveRule extends Misbehaviour {
  rule: MisbehaviourRule;
  seen: number;
  hits: number;
}

/** The rules of one upstream; the first that fits a request is the one it meets. */
export class MisbehaviourRules {
  #active: ActiveRule[] = [];

  add(rule: MisbehaviourRule): Misbehaviour {
    const active: ActiveRule = {
      rule,
      seen: 0,
      hits: 0,
      stop: () => {
        this.#active = this.#active.filter((other) => other !== active);
      },
    };
    this.#active.push(active);
    return active;
  }

  clear(): void {
    this.#active = [];
  }

  /** The temperaments that this request meets; counts as a use of their rule. */
  meet(asked: Asked, isBeforeAuth: boolean): readonly Temperament[] {
    for (const active of this.#active) {
      const { rule } = active;
      if ((rule.isBeforeAuth ?? false) !== isBeforeAuth || !fits(rule, asked)) continue;
      if (active.hits >= (rule.times ?? Infinity)) continue;
      active.seen += 1;
      if (active.seen <= (rule.skip ?? 0)) continue;
      active.hits += 1;
      return Array.isArray(rule.temperament) ? rule.temperament : [rule.temperament];
    }
    return [];
  }
}

function fits(rule: MisbehaviourRule, asked: Asked): boolean {
  if (rule.on !== "any" && rule.on !== asked.kind) return false;
  if (rule.method !== undefined && rule.method !== asked.method) return false;
  if (rule.repository !== undefined && rule.repository !== asked.repository) return false;
  if (rule.reference !== undefined && rule.reference !== asked.reference) return false;
  return rule.when?.(asked) ?? true;
}
