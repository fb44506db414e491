import type fc from "fast-check";
import type { TagPlan } from "./catalog.ts";
import type { StepOptions, World } from "./world.ts";

/** What decides which commands make sense. */
export interface Model {
  isUpstreamUp: boolean;
}

export type Command = fc.AsyncCommand<Model, World>;
type Work = (world: World, model: Model) => Promise<void>;

export function command(words: string, work: Work, options: StepOptions & { needs?: "up" | "down" } = {}): Command {
  const { needs, ...step } = options;
  return {
    check: ({ isUpstreamUp }) => needs === undefined || isUpstreamUp === (needs === "up"),
    run: (model, world) => world.step(words, () => work(world, model), step),
    toString: () => words,
  };
}

/** A pull as the commands name it: tags by their place in the catalog. */
export interface TagPullPlan {
  tag: number;
  platform: string;
  mustCheck: boolean;
}

export function planOf({ catalog }: World, tag: number): TagPlan {
  const plan = catalog.tags[tag];
  if (!plan) throw new Error("no such tag");
  return plan;
}

export function wordsOf({ tag, platform, mustCheck }: TagPullPlan): string {
  return `tag ${tag} for ${platform}${mustCheck ? ", checked" : ""}`;
}
