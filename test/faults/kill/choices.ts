import type { Choice } from "./interrupt.ts";

/** FAULT_POINTS: `every` step of a scenario, or (by default) a `sample` of those that are much alike. */
export function isEveryPointWanted(): boolean {
  const wanted = process.env["FAULT_POINTS"] ?? "sample";
  if (wanted !== "every" && wanted !== "sample") throw new Error(`FAULT_POINTS=${wanted}: it is every or sample`);
  return wanted === "every";
}

/** The pages of a transaction and the 512 directories of an empty store: few of them tell as much as all. */
const alike = /^(pwrite64 index|pwritev? |mkdir )/;

/** Of a row of steps that are alike the first and then every sixth; of the empty directories fewer even if all is wanted. */
export function createChoice(isEvery: boolean): Choice {
  let previous = "";
  let inRow = 0;
  return (step) => {
    const kind = step.call === "mkdir" ? "mkdir" : step.label;
    inRow = kind === previous ? inRow + 1 : 0;
    previous = kind;
    if (step.call === "mkdir") return inRow % (isEvery ? 50 : 200) === 0;
    return isEvery || !alike.test(step.label) || inRow % 6 === 0;
  };
}
