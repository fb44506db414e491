/** `skipped`: not looked at, and `says` why. */
export type Verdict = "ok" | "warning" | "failed" | "skipped";

/** What one check has found, in words for people that hold no secret. */
export interface Finding {
  /** What was looked at: `data directory`, `upstream docker.io`, `/etc/docker/daemon.json`. */
  area: string;
  check: string;
  verdict: Verdict;
  says: string;
  /** What to do about it; null where there is nothing to do. */
  todo: string | null;
}

/** Findings of one area. */
export interface Findings {
  ok: (check: string, says: string) => Finding;
  warning: (check: string, says: string, todo?: string) => Finding;
  failed: (check: string, says: string, todo?: string) => Finding;
  skipped: (check: string, says: string) => Finding;
}

export function findingsOf(area: string): Findings {
  const finding =
    (verdict: Verdict) =>
    (check: string, says: string, todo?: string): Finding => ({ area, check, verdict, says, todo: todo ?? null });
  return { ok: finding("ok"), warning: finding("warning"), failed: finding("failed"), skipped: finding("skipped") };
}

/** Whether nothing has failed; what is to be watched is no failure. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== "failed");
}

/** A system error's code, for words; never its message, which may quote what was sent. */
export function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  if (!(error instanceof Error)) return "unknown reason";
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
