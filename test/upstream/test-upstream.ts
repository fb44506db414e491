import type { IncomingMessage, ServerResponse } from "node:http";

import type { Digest } from "../../src/oci/index.ts";
import { readAsked, type Asked, type Site } from "./asked.ts";
import { Authorization, type AuthSettings } from "./authorization.ts";
import { Cdn, type RedirectSettings } from "./cdn.ts";
import { answerContent, type ContentSettings, type ContentSource } from "./content-answer.ts";
import { Exchange } from "./exchange.ts";
import {
  pushImage,
  pushIndex,
  pushReferrer,
  type ImageOptions,
  type PushedImage,
  type PushedImageIndex,
  type ReferrerOptions,
} from "./images.ts";
import { Listener } from "./listener.ts";
import { MisbehaviourRules, type Misbehaviour, type MisbehaviourRule } from "./misbehaviour.ts";
import { errorReply, type Reply } from "./reply.ts";
import { Repositories, type StoredManifest } from "./repositories.ts";
import { RequestLog, type LoggedRequest } from "./request-log.ts";
import { mergeDelivery, plainDelivery, type Temperament } from "./temperament.ts";
import { Throttle } from "./throttle.ts";
import { Uploads, type PushSettings } from "./uploads.ts";

export interface UpstreamOptions extends Partial<ContentSettings> {
  auth?: Partial<AuthSettings>;
  /** `separate`: the token endpoint is another origin. */
  tokenServer?: "same" | "separate";
  /** Absent: nothing is redirected; given: blobs are, unless it says otherwise. */
  redirect?: Partial<RedirectSettings>;
  /** Absent: everything but GET and HEAD is refused. */
  pushes?: Partial<PushSettings>;
  /** Rate of all bodies together. */
  bytesPerSecond?: number;
  /** Wall clock for the life of tokens and signatures, milliseconds. */
  now?: () => number;
}

/** A registry on loopback that stands in for an upstream. Everything it is and does may be changed while it runs. */
export class TestUpstream {
  /** Every request: registry, token endpoint and CDN. */
  readonly requests = new RequestLog();
  readonly content = new Repositories();
  readonly settings: ContentSettings;
  readonly authorization: Authorization;
  /** The second origin, with its own log. */
  readonly cdn: Cdn;
  readonly throttle: Throttle;
  /** Undefined where nothing can be pushed. */
  readonly uploads: Uploads | undefined;
  readonly #rules = new MisbehaviourRules();
  readonly #hasTokenServer: boolean;
  #sites: Partial<Record<Site, Listener>> = {};

  private constructor(options: UpstreamOptions) {
    const now = options.now ?? Date.now;
    this.settings = {
      referrersApi: options.referrersApi ?? true,
      filtersReferrers: options.filtersReferrers ?? true,
      tagsPaging: { ...options.tagsPaging },
      referrersPaging: { ...options.referrersPaging },
    };
    this.authorization = new Authorization(options.auth ?? {}, now);
    this.cdn = new Cdn({ blobs: options.redirect !== undefined, ...options.redirect }, now);
    this.throttle = new Throttle(options.bytesPerSecond);
    this.uploads = options.pushes && new Uploads(options.pushes, this.content);
    this.#hasTokenServer = options.tokenServer === "separate";
  }

  static async start(options: UpstreamOptions): Promise<TestUpstream> {
    const upstream = new TestUpstream(options);
    await upstream.#open();
    return upstream;
  }

  get host(): string {
    return this.site("registry").host;
  }

  get port(): number {
    return this.site("registry").port;
  }

  get url(): string {
    return this.site("registry").url;
  }

  /** One of the listeners, to stop it alone or to have it refuse connections. `token` only where it is separate. */
  site(site: Site): Listener {
    const listener = this.#sites[site];
    if (!listener) throw new Error(`this test upstream has no ${site} listener of its own`);
    return listener;
  }

  /** Ends all sockets at once; connecting is refused until `restart()`. */
  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#sites).map((listener) => listener.stop()));
  }

  /** Listens again on the same ports, with the same content. */
  async restart(): Promise<void> {
    await Promise.all(Object.values(this.#sites).map((listener) => listener.start()));
  }

  close(): Promise<void> {
    return this.stop();
  }

  misbehave(rule: MisbehaviourRule): Misbehaviour {
    return this.#rules.add(rule);
  }

  /** Ends all misbehaviour. */
  behave(): void {
    this.#rules.clear();
  }

  revokeTokens(): void {
    this.authorization.revokeTokens();
  }

  pushBlob(...args: Parameters<Repositories["pushBlob"]>): Digest {
    return this.content.pushBlob(...args);
  }

  pushManifest(...args: Parameters<Repositories["pushManifest"]>): StoredManifest {
    return this.content.pushManifest(...args);
  }

  pushImage(repository: string, tag?: string, options?: ImageOptions): PushedImage {
    return pushImage(this.content, repository, tag, options);
  }

  pushIndex(repository: string, tag: string | undefined, ...images: PushedImage[]): PushedImageIndex {
    return pushIndex(this.content, repository, tag, images);
  }

  pushReferrer(repository: string, subject: Digest, options: ReferrerOptions): PushedImage {
    return pushReferrer(this.content, repository, subject, options);
  }

  tag(repository: string, tag: string, digest: Digest): void {
    this.content.tag(repository, tag, digest);
  }

  removeTag(repository: string, tag: string): void {
    this.content.removeTag(repository, tag);
  }

  removeManifest(repository: string, digest: Digest): void {
    this.content.removeManifest(repository, digest);
  }

  removeBlob(repository: string, digest: Digest): void {
    this.content.removeBlob(repository, digest);
  }

  removeRepository(repository: string): void {
    this.content.removeRepository(repository);
  }

  async #open(): Promise<void> {
    const open = async (site: Site): Promise<void> => {
      this.#sites[site] = await Listener.open((request, response) => void this.#serve(site, request, response));
    };
    await Promise.all([open("registry"), open("cdn"), this.#hasTokenServer && open("token")]);
    this.cdn.url = this.site("cdn").url;
    this.uploads?.setOrigins(this.url, this.cdn.url);
    this.authorization.tokenUrl = this.site(this.#hasTokenServer ? "token" : "registry").url;
  }

  async #serve(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = readAsked(request, site);
    const entry = toEntry(asked);
    const logs = site === "cdn" ? [this.requests, this.cdn.requests] : [this.requests];
    const early = this.#rules.meet(asked, true);
    const refusal = early.length === 0 && site === "registry" ? this.#refuse(asked) : undefined;
    entry.isRefused = refusal !== undefined;
    const temperaments = early.length > 0 || refusal ? early : this.#rules.meet(asked, false);
    const exchange = new Exchange(response, entry, logs, this.throttle);
    const delivery = mergeDelivery(temperaments);
    const body = await exchange.readBody(request, refusal ? undefined : delivery.bodyGate);
    if (!body) return;
    if (refusal) return exchange.send(refusal, plainDelivery);
    await exchange.send(this.#temper(asked, body, site, temperaments), delivery);
  }

  #temper(asked: Asked, body: Buffer, site: Site, temperaments: readonly Temperament[]): Reply {
    const isWhole = temperaments.some((temperament) => temperament.ignoresRange);
    const context = {
      asked,
      ownUrl: this.site(site).url,
      challenge: () => this.authorization.challenge(asked),
    };
    const good = this.#answer(isWhole ? { ...asked, range: undefined } : asked, body, site);
    return temperaments.reduce((reply, temperament) => temperament.reply?.(reply, context) ?? reply, good);
  }

  #refuse(asked: Asked): Reply | undefined {
    return asked.kind === "token" ? undefined : this.authorization.refuse(asked);
  }

  #answer(asked: Asked, body: Buffer, site: Site): Reply {
    if (asked.kind === "token") return this.authorization.issue(asked, body);
    if (site === "token") return errorReply(404, "UNSUPPORTED", "only tokens are served here");
    const source: ContentSource = { repositories: this.content, settings: this.settings, ownUrl: this.url };
    const isElsewhere = this.uploads?.settings.location === "elsewhere";
    const written = (site === "cdn") === isElsewhere || asked.method === "POST" || asked.kind !== "upload";
    const push = written ? this.uploads?.answer(asked, body) : undefined;
    if (push) return push;
    if (site === "cdn") return this.cdn.refuse(asked) ?? answerContent(asked, source);
    const reply = answerContent(asked, source);
    return reply.status < 300 ? (this.cdn.redirect(asked) ?? reply) : reply;
  }
}

function toEntry(asked: Asked): LoggedRequest {
  const reply = { status: 0, firstByteAt: undefined, bytesSent: 0, bytesReceived: 0, ended: undefined };
  return { ...asked, at: Date.now(), ...reply, isRefused: false };
}
