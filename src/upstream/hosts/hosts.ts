import { finished } from "node:stream";
import { retryAfterOf, type Answer } from "../answer.ts";
import { failingOf } from "../connection/failure.ts";
import { UpstreamError } from "../errors.ts";
import { createBreaker, type Admission, type Breaker, type Outcome, type Standing } from "./breaker.ts";
import { hopsOf } from "../parents.ts";
import { createLane, type Lane } from "./lane.ts";
import { createRateLimits, type Counted, type RateLimits } from "./rate-limits.ts";

/** Long downloads have a lane of their own, so that they never keep short questions waiting. */
export type LaneName = "control" | "blobs";

/** What a request is to the host it goes to. */
export interface Errand {
  /** Whose turn it is in a queue, and who may be to blame for a failure. */
  repository: string;
  lane: LaneName;
  counted: Counted;
}

/** One request that may go out now. Exactly one of its functions must be called, once. */
export interface Passage {
  /** The slot is given back with the end of a body that was asked for, else at once. */
  answered(reply: Pick<Answer, "status" | "headers" | "body">, isHead: boolean): void;
  /** @param isGivenUp whether our own side ended it before an answer */
  failed(error: unknown, isGivenUp: boolean): void;
}

/** The hosts that one upstream's requests go to: its endpoints, token services, and where they redirect. */
export interface Hosts {
  /**
   * Waits for a slot of the lane.
   * @throws UpstreamError at once, without a request, while the host is known to be down or to limit us; the signal's reason
   */
  enter(url: URL, errand: Errand, signal: AbortSignal): Promise<Passage>;
  /** Whether its breaker is open, or waits for its probe. */
  isDown(url: URL): boolean;
  /** The breaker of a host; closed where nothing has been asked yet. */
  standing(url: URL): Standing;
}

export interface HostsOptions {
  upstream: string;
  concurrency: Readonly<Record<LaneName, number>>;
  openForMs: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  onBreaker: (host: string, isOpen: boolean) => void;
}

interface Host {
  name: string;
  breaker: Breaker;
  lanes: Record<LaneName, Lane>;
  limits: RateLimits;
}

/** Redirects choose their hosts themselves: of those that are idle and sound no more than this are remembered. */
const maxHosts = 256;
const downStatuses = [502, 503, 504];

export function createHosts(options: HostsOptions): Hosts {
  const { now, concurrency } = options;
  const hosts = new Map<string, Host>();

  const hostOf = (url: URL): Host => {
    const known = hosts.get(url.origin);
    if (known) return known;
    if (hosts.size >= maxHosts) forgetOneOf(hosts);
    const host: Host = {
      name: url.host,
      breaker: createBreaker(options.openForMs),
      lanes: { control: createLane(concurrency.control), blobs: createLane(concurrency.blobs) },
      limits: createRateLimits(),
    };
    hosts.set(url.origin, host);
    return host;
  };

  const settle = ({ name, breaker }: Host, admission: Admission, outcome: Outcome): void => {
    const wasOpen = breaker.isOpen;
    breaker.settle(admission, outcome, now());
    if (breaker.isOpen !== wasOpen) options.onBreaker(name, breaker.isOpen);
  };

  return {
    isDown: (url) => hosts.get(url.origin)?.breaker.isOpen ?? false,
    standing: (url) => hosts.get(url.origin)?.breaker.standing(now()) ?? { breaker: "closed", openUntil: undefined },
    async enter(url, errand, signal) {
      const host = hostOf(url);
      refuse(host, errand, options);
      const leave = await host.lanes[errand.lane].acquire(errand.repository, signal);
      try {
        // Others may have found out something while this one waited.
        refuse(host, errand, options);
        const admission = host.breaker.admit();
        return {
          answered(reply, isHead) {
            // A parent that hands down what its own upstream does is there, and may have other things stored.
            const isDown = downStatuses.includes(reply.status) && !hopsOf(reply.headers);
            const { repository } = errand;
            settle(
              host,
              admission,
              isDown ? { kind: "failed", failing: "exchange", repository } : { kind: "answered" },
            );
            if (reply.status === 429) host.limits.limited(errand.counted, retryAfterOf(reply.headers, now()), now());
            if (reply.status >= 300 || isHead) leave();
            else finished(reply.body, leave);
          },
          failed(error, isGivenUp) {
            const failing = isGivenUp ? undefined : failingOf(error);
            const { repository } = errand;
            settle(host, admission, failing ? { kind: "failed", failing, repository } : { kind: "unknown" });
            leave();
          },
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** Throws where the host limits us or is known to be down: whoever is refused waits for nothing. */
function refuse({ name, breaker, limits }: Host, { counted }: Errand, { upstream, now }: HostsOptions): void {
  const limitedFor = limits.remaining(counted, now());
  if (limitedFor !== undefined) {
    const words = `${name} limits the rate of requests and is not asked for another ${limitedFor} s`;
    throw new UpstreamError("rate-limited", words, { upstream, status: 429, retryAfter: limitedFor, isRecalled: true });
  }
  const refusal = breaker.refusal(now());
  if (!refusal) return;
  const [since, until] = [refusal.openedAt, refusal.until].map((at) => new Date(at).toISOString());
  const retryAfter = Math.max(1, Math.ceil((refusal.until - now()) / 1000));
  const words = `${name} keeps failing: the breaker is open since ${since}, and nothing is asked before ${until}`;
  throw new UpstreamError("unreachable", words, { upstream, retryAfter, isRecalled: true });
}

function forgetOneOf(hosts: Map<string, Host>): void {
  for (const [origin, { breaker, lanes }] of hosts) {
    if (breaker.isOpen || lanes.control.running > 0 || lanes.blobs.running > 0) continue;
    hosts.delete(origin);
    return;
  }
}
