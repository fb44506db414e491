/** What has become of one file of the node. */
export interface Change {
  path: string;
  /** `left`: it is as it was found, and `why` says for what reason. */
  what: "written" | "unchanged" | "restored" | "removed" | "left";
  why: string | null;
  /** Whether pulls may go past entrepot because of that. */
  isProblem: boolean;
}

export function changed(path: string, what: Exclude<Change["what"], "left">): Change {
  return { path, what, why: null, isProblem: false };
}

/** Left alone since it does already what it should. */
export function leftAsIs(path: string, why: string): Change {
  return { path, what: "left", why, isProblem: false };
}

/** Left alone although it does not do what it should. */
export function leftWithProblem(path: string, why: string): Change {
  return { path, what: "left", why, isProblem: true };
}
