/** The API's answer was a problem (RFC 9457); the message is its detail, in words for people. */
export class ApiProblem extends Error {
  /** @override */
  name = "ApiProblem";

  /**
   * @param {number} status - 0 where there was no answer at all.
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** @typedef {Record<string, string | number | boolean | undefined>} Query */
/** @typedef {import("./documents.d.ts").EvictionReport} EvictionReport */

/** What the page asks of the instance. Every method throws ApiProblem. Images are named canonically. */
export class Api {
  #session;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  stats() {
    return /** @type {Promise<import("./documents.d.ts").Stats>} */ (this.#get("/stats"));
  }

  activity() {
    return /** @type {Promise<import("./documents.d.ts").Activity>} */ (this.#get("/activity"));
  }

  upstreams() {
    return /** @type {Promise<import("./documents.d.ts").UpstreamList>} */ (this.#get("/upstreams"));
  }

  /** @param {Query} query @param {AbortSignal} signal */
  images(query, signal) {
    return /** @type {Promise<import("./documents.d.ts").ImageList>} */ (this.#get("/images", query, signal));
  }

  /** @param {string} image @param {AbortSignal} signal */
  image(image, signal) {
    return /** @type {Promise<import("./documents.d.ts").ImageDetail>} */ (this.#get("/image", { image }, signal));
  }

  /** @param {string} subject @param {AbortSignal} signal */
  explain(subject, signal) {
    return /** @type {Promise<import("./documents.d.ts").Explanation>} */ (this.#get("/explain", { subject }, signal));
  }

  /** @param {number} freeBytes @param {AbortSignal} signal */
  plan(freeBytes, signal) {
    return /** @type {Promise<EvictionReport>} */ (this.#get("/eviction/plan", { freeBytes }, signal));
  }

  /** @param {{ image: string, dryRun?: boolean } | { freeBytes: number }} what */
  evict(what) {
    return /** @type {Promise<EvictionReport>} */ (this.#post("/evict", what));
  }

  /** @param {string} image */
  pin(image) {
    return this.#post("/pins", { image });
  }

  /** @param {string} image */
  unpin(image) {
    return this.#remove("/pins", { image });
  }

  /** @param {string} image */
  refresh(image) {
    return /** @type {Promise<import("./documents.d.ts").Refreshed>} */ (this.#post("/refresh", { image }));
  }

  /** @param {{ images: string[], platforms?: string[] }} what */
  warm(what) {
    return /** @type {Promise<{ id: string }>} */ (this.#post("/warm", what));
  }

  /** @param {string} id */
  job(id) {
    return /** @type {Promise<import("./documents.d.ts").WarmJob>} */ (this.#get(`/jobs/${encodeURIComponent(id)}`));
  }

  /** @param {string} id */
  cancelJob(id) {
    return this.#remove(`/jobs/${encodeURIComponent(id)}`);
  }

  /**
   * @param {string} path - Under /api/v1.
   * @param {Query} [query]
   * @param {AbortSignal} [signal]
   * @returns {Promise<unknown>}
   */
  async #get(path, query = {}, signal) {
    const response = await this.open(path + queryText(query), signal ? { signal } : {});
    return response.json();
  }

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<unknown>}
   */
  async #post(path, body) {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return (await this.open(path, init)).json();
  }

  /**
   * @param {string} path
   * @param {Query} [query]
   * @returns {Promise<unknown>}
   */
  async #remove(path, query = {}) {
    return (await this.open(path + queryText(query), { method: "DELETE" })).json();
  }

  /**
   * The answer with its body still to be read. A token that is refused is forgotten, and what needs none is asked for without it.
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async open(path, init = {}) {
    const { token } = this.#session;
    const response = await send(path, init, token);
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (response.status !== 401 || token === undefined) throw problem;
    this.#session.refuse(token);
    if (init.method !== undefined && init.method !== "GET") throw problem;
    return this.open(path, init);
  }
}

/**
 * @param {string} path
 * @param {RequestInit} init
 * @param {string | undefined} token
 */
async function send(path, init, token) {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  try {
    return await fetch(`/api/v1${path}`, {
      ...init,
      headers,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiProblem(0, `entrepot at ${location.host} does not answer`);
  }
}

/** @param {Response} response */
async function problemOf(response) {
  /** @type {unknown} */
  const answer = await response.json().catch(() => ({}));
  const problem = /** @type {{ detail?: unknown }} */ (answer);
  const words = typeof problem.detail === "string" ? problem.detail : `the answer was ${response.status}`;
  return new ApiProblem(response.status, words);
}

/** @param {Query} query */
function queryText(query) {
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}
