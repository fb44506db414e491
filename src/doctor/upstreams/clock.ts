import { findingsOf, type Finding } from "../finding.ts";

const warnMs = 60_000;
const failMs = 300_000;

/**
 * Our clock against the ones that others have told.
 * @param aheadMs how far each is ahead of ours; the middle one is believed, so that one wrong server says nothing
 */
export function clockFinding(aheadMs: readonly number[]): Finding {
  const { ok, warning, failed, skipped } = findingsOf("clock");
  const sorted = [...aheadMs].sort((one, other) => one - other);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) return skipped("time", "nobody has told the time");
  const off = Math.abs(middle);
  if (off <= warnMs)
    return ok(
      "time",
      `within ${Math.max(1, Math.ceil(off / 1000))} s of ${sorted.length === 1 ? "the one other clock" : `${sorted.length} other clocks`}`,
    );
  const says = `this machine's clock is ${Math.round(off / 1000)} s ${middle > 0 ? "behind" : "ahead of"} the others`;
  const todo = "set it, and let NTP keep it: tokens and certificates depend on it";
  return off > failMs ? failed("time", says, todo) : warning("time", says, todo);
}
