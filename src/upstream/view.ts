import { createBlobProver } from "./blob-proof.ts";
import { UpstreamError } from "./errors.ts";
import { listReferrers, listTags } from "./listing.ts";
import { getManifest, headManifest } from "./manifest-request.ts";
import { openBlob } from "./open-blob.ts";
import type { Asking } from "./question.ts";
import type { QuotaLedger } from "./quota-ledger.ts";
import type { Upstream } from "./upstream.ts";

const askings = new WeakMap<Upstream, Asking>();

/** The verbs of this room, asked of `asking.endpoints` with their credentials. @param how.closing ends downloads */
export function createView(asking: Asking, { closing, quota }: { closing: AbortSignal; quota: QuotaLedger }): Upstream {
  const proveBlob = createBlobProver(asking);
  const view: Upstream = {
    name: asking.upstream,
    headManifest: (repository, reference, options) => headManifest(asking, repository, reference, options),
    getManifest: (repository, reference, options) => getManifest(asking, repository, reference, options),
    openBlob: (repository, digest, range, { signal, deadlineAt, isHurried, via, resumeAs }) => {
      const next = resumeAs && (() => askingThrough(resumeAs()));
      return openBlob(asking, { repository, digest, range, signal, deadlineAt, isHurried, via, closing, next });
    },
    proveBlob: (repository, digest, options) => proveBlob({ repository, digest }, options),
    listTags: (repository, options) => listTags(asking, repository, options),
    listReferrers: (repository, digest, options) => listReferrers(asking, repository, digest, options),
    quota: () => quota.read(),
    isFailing: () => asking.isFailing(),
  };
  askings.set(view, asking);
  return view;
}

function askingThrough(through: ReturnType<NonNullable<Parameters<Upstream["openBlob"]>[3]["resumeAs"]>>) {
  const asking = through && askings.get(through.upstream);
  return asking && { asking, repository: through.repository };
}

/** A view in which every 401 and 403 is a refusal of the client, the token service's and a gateway's too. */
export function believingRefusals(view: Upstream): Upstream {
  const believing = async <T>(answer: Promise<T>): Promise<T> => answer.catch(believe);
  const client: Upstream = {
    ...view,
    headManifest: (...asked) => believing(view.headManifest(...asked)),
    getManifest: (...asked) => believing(view.getManifest(...asked)),
    openBlob: (...asked) => believing(view.openBlob(...asked)),
    proveBlob: (...asked) => believing(view.proveBlob(...asked)),
    listTags: (...asked) => believing(view.listTags(...asked)),
    listReferrers: (...asked) => believing(view.listReferrers(...asked)),
  };
  const asking = askings.get(view);
  if (asking) askings.set(client, asking);
  return client;
}

function believe(error: unknown): never {
  const isRefusal = error instanceof UpstreamError && (error.kind === "unauthorized" || error.kind === "denied");
  if (!isRefusal || error.isRefusal) throw error;
  const { kind, message, upstream, status, retryAfter, told } = error;
  throw new UpstreamError(kind, message, { upstream, status, retryAfter, told, isRefusal: true, cause: error });
}
