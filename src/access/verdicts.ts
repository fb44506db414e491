import { RegistryError, type RepositoryName } from "../oci/index.ts";
import { UpstreamError, type ConfiguredUpstream, type RequestOptions, type Upstream } from "../upstream/index.ts";
import { ExpiringMap } from "./expiring-map.ts";
import type { Principal } from "./principal.ts";
import type { AccessTarget } from "./target.ts";

/** What an upstream said to a principal's own credential. */
export type Verdict = { kind: "granted" } | { kind: "absent" } | { kind: "refused"; error: UpstreamError };

export interface VerdictUpstream {
  upstream: ConfiguredUpstream;
  limits: { answerWithinMs: number };
}

export interface VerdictPorts {
  upstreams: readonly VerdictUpstream[];
  /** How long a right that was shown is believed. */
  verdictForMs: number;
  now: () => number;
  setTimer: (ms: number, action: () => void) => () => void;
}

const refusedForMs = 30_000;
const maxVerdicts = 20_000;
const granted: Verdict = { kind: "granted" };

/**
 * Whether the upstream lets a principal have what is in a repository. It is asked with the principal's own credential for
 * the very thing the request is about, by HEAD where it can be; a right that was shown holds for the whole repository, an
 * absence for the one reference, and for want of an answer there is no right.
 */
export class Verdicts {
  readonly #ports: VerdictPorts;
  readonly #upstreams: ReadonlyMap<string, VerdictUpstream>;
  readonly #verdicts: ExpiringMap<Verdict>;
  readonly #underway = new Map<string, Promise<Verdict>>();
  /** Repositories that were pushed to lately: what was said before is not believed any more. */
  readonly #pushed: ExpiringMap<number>;
  #pushes = 0;

  constructor(ports: VerdictPorts) {
    this.#ports = ports;
    this.#upstreams = new Map(ports.upstreams.map((entry) => [entry.upstream.name, entry]));
    this.#verdicts = new ExpiringMap(maxVerdicts, ports.now);
    this.#pushed = new ExpiringMap(maxVerdicts, ports.now);
  }

  /** A push has changed the repository: what was absent, or refused since it did not exist, is asked about again. */
  pushed(upstream: string, repository: RepositoryName): void {
    this.#pushes += 1;
    this.#pushed.set(`${upstream} ${repository}`, this.#pushes, Math.max(this.#ports.verdictForMs, refusedForMs));
  }

  /** The upstream as the principal sees it. */
  viewOf({ id, credentials }: Principal, upstream: string): Upstream {
    return this.#entry(upstream).upstream.as({ id, credentials });
  }

  /** @throws UpstreamError where the upstream cannot say */
  async of(principal: Principal, target: AccessTarget): Promise<Verdict> {
    const push = this.#pushed.get(`${target.upstream} ${target.repository}`) ?? 0;
    const right = `${rightKey(principal, target)} ${push}`;
    const one = `${right} ${thingOf(target)}`;
    const known = this.#verdicts.get(right) ?? this.#verdicts.get(one);
    if (known) return known;
    let underway = this.#underway.get(one);
    if (!underway) {
      underway = this.#ask(principal, target).finally(() => this.#underway.delete(one));
      this.#underway.set(one, underway);
    }
    const verdict = await underway;
    const forMs = verdict.kind === "granted" ? this.#ports.verdictForMs : refusedForMs;
    this.#verdicts.set(verdict.kind === "absent" ? one : right, verdict, forMs);
    return verdict;
  }

  async #ask(principal: Principal, target: AccessTarget): Promise<Verdict> {
    const { upstream, limits } = this.#entry(target.upstream);
    const controller = new AbortController();
    const late = new UpstreamError("timeout", `no answer within ${limits.answerWithinMs} ms`, {
      upstream: upstream.name,
    });
    const cancel = this.#ports.setTimer(limits.answerWithinMs, () => controller.abort(late));
    try {
      const deadlineAt = this.#ports.now() + limits.answerWithinMs;
      const view = this.viewOf(principal, target.upstream);
      const isThere = await isShown(view, target, { signal: controller.signal, deadlineAt, via: target.via });
      return isThere ? granted : { kind: "absent" };
    } catch (error) {
      const isRefusal = error instanceof UpstreamError && (error.kind === "unauthorized" || error.kind === "denied");
      if (isRefusal) return { kind: "refused", error };
      throw error;
    } finally {
      cancel();
    }
  }

  #entry(name: string): VerdictUpstream {
    const entry = this.#upstreams.get(name);
    if (!entry) throw new RegistryError("NAME_UNKNOWN", `${name} is not configured`);
    return entry;
  }
}

/** Some registries let a user list tags who may not pull: that right is another one. */
function rightKey({ id }: Principal, { upstream, repository, what }: AccessTarget): string {
  return `${id} ${upstream} ${repository} ${what.kind === "tags" ? "list" : "pull"}`;
}

function thingOf({ what }: AccessTarget): string {
  if (what.kind === "tags") return "tags";
  if (what.kind !== "manifest") return `${what.kind} ${what.digest}`;
  return `manifest ${what.reference.kind === "tag" ? what.reference.tag : what.reference.digest}`;
}

async function isShown(view: Upstream, { repository, what }: AccessTarget, options: RequestOptions): Promise<boolean> {
  if (what.kind === "tags") return (await view.listTags(repository, options)) !== undefined;
  if (what.kind === "blob") return (await view.proveBlob(repository, what.digest, options)).present;
  const reference = what.kind === "manifest" ? what.reference : ({ kind: "digest", digest: what.digest } as const);
  const head = await view.headManifest(repository, reference, options);
  if (!head) return false;
  if (head.digest !== undefined || head.contentType !== undefined) return true;
  // Refused or not allowed to HEAD: only a GET tells which (public.ecr.aws refuses every HEAD).
  return (await view.getManifest(repository, reference, options)) !== undefined;
}
