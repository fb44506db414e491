/** @type {Record<string, string>} */
const reasons = {
  watermark: "the store was nearly full",
  budget: "room was needed for something new",
  "min-free": "the disk was nearly full",
  orphan: "nothing referred to it any more",
  operator: "somebody evicted it",
};

/** Why something has left the store, in words. @param {string} reason */
export function reasonWords(reason) {
  return Object.hasOwn(reasons, reason) ? (reasons[reason] ?? reason) : reason;
}
