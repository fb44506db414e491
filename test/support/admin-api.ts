import { setTimeout as pause } from "node:timers/promises";
import type {
  EvictionDocument,
  ExplanationDocument,
  JobDocument,
  ListDocument,
  PinDocument,
  RefreshDocument,
  TagHistoryDocument,
} from "../../src/admin/index.ts";

/** The admin API answered with a problem; the message is its detail. */
export class ApiRefused extends Error {
  override readonly name = "ApiRefused";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

export interface EvictRequest {
  image?: string;
  freeBytes?: number;
  dryRun?: boolean;
}

/** What an operator asks of a running instance, over HTTP and with the admin token. Every method throws ApiRefused. */
export class AdminApi {
  readonly #url: string;
  readonly #token: string;

  constructor(adminUrl: string, token: string) {
    this.#url = `${adminUrl}/api/v1`;
    this.#token = token;
  }

  explain(subject: string): Promise<ExplanationDocument> {
    return this.#ask("GET", `/explain?${query({ subject })}`) as Promise<ExplanationDocument>;
  }

  plan(freeBytes: number): Promise<EvictionDocument> {
    return this.#ask("GET", `/eviction/plan?${query({ freeBytes: String(freeBytes) })}`) as Promise<EvictionDocument>;
  }

  evict(request: EvictRequest): Promise<EvictionDocument> {
    return this.#ask("POST", "/evict", request) as Promise<EvictionDocument>;
  }

  pins(): Promise<ListDocument<PinDocument>> {
    return this.#ask("GET", "/pins") as Promise<ListDocument<PinDocument>>;
  }

  pin(image: string, platforms?: readonly string[]): Promise<unknown> {
    return this.#ask("POST", "/pins", { image, ...(platforms && { platforms }) });
  }

  unpin(image: string): Promise<unknown> {
    return this.#ask("DELETE", "/pins", { image });
  }

  tagHistory(image: string): Promise<TagHistoryDocument> {
    return this.#ask("GET", `/tag-history?${query({ image })}`) as Promise<TagHistoryDocument>;
  }

  /** Serves an earlier digest for the tag, or what the upstream says again. */
  rollback(image: string, to: string): Promise<unknown> {
    return this.#ask("POST", "/rollback", to === "release" ? { image, release: true } : { image, digest: to });
  }

  /** Asks the upstream what a tag names now. */
  refresh(image: string): Promise<RefreshDocument> {
    return this.#ask("POST", "/refresh", { image }) as Promise<RefreshDocument>;
  }

  /** Begins to fetch images; the id of the job. */
  async startWarm(wanted: { images: string[]; platforms?: string[]; parallel?: number }): Promise<string> {
    const { id } = (await this.#ask("POST", "/warm", wanted)) as { id: string };
    return id;
  }

  /** Resolves when they have been fetched, or have failed. */
  async warm(...images: string[]): Promise<JobDocument> {
    return this.endOf(await this.startWarm({ images }));
  }

  job(id: string): Promise<JobDocument> {
    return this.#ask("GET", `/jobs/${id}`) as Promise<JobDocument>;
  }

  cancel(id: string): Promise<unknown> {
    return this.#ask("DELETE", `/jobs/${id}`);
  }

  /** Resolves when the verification has ended. */
  verify(): Promise<JobDocument> {
    return this.#runJob("/verify", {});
  }

  /** Resolves when the backup has ended. */
  backup(directory: string): Promise<JobDocument> {
    return this.#runJob("/backup", { directory });
  }

  async #runJob(path: string, body: object): Promise<JobDocument> {
    const { id } = (await this.#ask("POST", path, body)) as { id: string };
    return this.endOf(id);
  }

  /** The job when it has ended. */
  async endOf(id: string): Promise<JobDocument> {
    for (;;) {
      const job = await this.job(id);
      if (job.state !== "running") return job;
      await pause(5);
    }
  }

  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const document: unknown = await response.json();
    if (!response.ok) throw new ApiRefused(response.status, (document as { detail: string }).detail);
    return document;
  }
}

function query(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}
