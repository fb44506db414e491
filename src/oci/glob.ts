/** A pattern in which `*` stands for any text without a slash, and `**` for any text. */
export interface Glob {
  matches(text: string): boolean;
}

/** One character as it is, or a wildcard. `parts`: whole parts of a path, each with its slash, or none. */
type Step = { kind: "character"; character: string } | { kind: "within" } | { kind: "across" } | { kind: "parts" };

/**
 * Two stars that are a whole part of a path may stand for no part at all, as they do in a .gitignore.
 * Takes at worst the length of the text times that of the pattern, whatever is written: all ways to read the pattern are
 * followed at once, and none twice.
 */
export function compileGlob(pattern: string): Glob {
  const steps = stepsOf(pattern);
  const [prefix = ""] = pattern.split("*", 1);
  const start = Array.from(prefix).length;
  return {
    matches: (text) => {
      if (!text.startsWith(prefix)) return false;
      let places = enter(steps, start, new Set());
      for (const character of text.slice(prefix.length)) {
        places = advance(steps, places, character);
        if (places.size === 0) return false;
      }
      return places.has(steps.length);
    },
  };
}

function stepsOf(pattern: string): Step[] {
  return Array.from(pattern.matchAll(/(?<=^|\/)\*{2,}\/|\*{2,}|[^]/gu), ([token]): Step => {
    if (token === "*") return { kind: "within" };
    if (!token.startsWith("*")) return { kind: "character", character: token };
    return { kind: token.endsWith("/") ? "parts" : "across" };
  });
}

/** Adds a place that is reached, and those behind it as long as a wildcard may stand for nothing. */
function enter(steps: readonly Step[], place: number, places: Set<number>): Set<number> {
  let next = place;
  while (!places.has(next)) {
    places.add(next);
    const step = steps[next];
    if (step === undefined || step.kind === "character") break;
    next++;
  }
  return places;
}

function advance(steps: readonly Step[], places: ReadonlySet<number>, character: string): Set<number> {
  const next = new Set<number>();
  for (const place of places) {
    const step = steps[place];
    switch (step?.kind) {
      case "character":
        if (step.character === character) enter(steps, place + 1, next);
        break;
      case "within":
        if (character !== "/") enter(steps, place, next);
        break;
      case "across":
        enter(steps, place, next);
        break;
      case "parts":
        // In the midst of a part nothing behind it can begin.
        next.add(place);
        if (character === "/") enter(steps, place + 1, next);
        break;
      case undefined:
        break;
    }
  }
  return next;
}
