/** What the origin lets us pull, as far as it has said. Times in ms since the epoch. */
export interface Quota {
  /** Pulls in a window; undefined where the origin announces no limit. */
  limit: number | undefined;
  /** Pulls left; undefined too where the window of the last announcement has passed. */
  remaining: number | undefined;
  windowSeconds: number | undefined;
  /** Whom the origin counts: an address or an account, in its own words. */
  source: string | undefined;
  /** When the window has passed at the latest. */
  resetAt: number | undefined;
  /** Until when the origin has said 429 to requests for manifests. */
  limitedUntil: number | undefined;
  /** Whether what is left is kept for what is not stored at all. */
  isLow: boolean;
  /** GETs of manifests that the origin has answered: these are what Docker Hub counts. */
  countedGets: number;
}

/** What an upstream says that is never asked. */
export const unlimitedQuota: Quota = {
  limit: undefined,
  remaining: undefined,
  windowSeconds: undefined,
  source: undefined,
  resetAt: undefined,
  limitedUntil: undefined,
  isLow: false,
  countedGets: 0,
};
