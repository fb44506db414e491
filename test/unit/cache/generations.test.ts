import { describe, expect, it } from "vitest";
import { Generations } from "../../../src/cache/generations.ts";
import { repositoryOf } from "./hangar.ts";

const key = (name: string, upstream = "registry.test") => ({ upstream, name: repositoryOf(name) });

describe("a mark", () => {
  it("is current until something is pushed to its repository", () => {
    const generations = new Generations();
    const mark = generations.mark(key("org/app"));
    expect(mark.isCurrent()).toBe(true);
    generations.advance(key("org/app"));
    expect(mark.isCurrent()).toBe(false);
    const next = generations.mark(key("org/app"));
    expect([next.isCurrent(), next.generation !== mark.generation]).toEqual([true, true]);
  });

  it("does not mind pushes to other repositories, or to the same name of another upstream", () => {
    const generations = new Generations();
    const mark = generations.mark(key("org/app"));
    generations.advance(key("org/other"));
    generations.advance(key("org/app", "other.test"));
    expect(mark.isCurrent()).toBe(true);
  });

  it("does not become current again when its repository is forgotten among many", () => {
    const generations = new Generations(2);
    const mark = generations.mark(key("org/app"));
    for (const name of ["org/app", "org/b", "org/c", "org/d"]) generations.advance(key(name));
    expect(mark.isCurrent()).toBe(false);
  });
});
