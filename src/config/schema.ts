import { z } from "zod";
import {
  amount,
  accessGlobs,
  authorities,
  choice,
  choices,
  count,
  digests,
  duration,
  endpointUrl,
  flag,
  hostnames,
  imagePattern,
  limit,
  listenAddresses,
  networks,
  platforms,
  positiveRate,
  positiveSize,
  positiveTimer,
  programWords,
  proxyUrl,
  rate,
  repositoryGlobs,
  secretText,
  section,
  share,
  size,
  tagGlob,
  text,
  timer,
  upstreamName,
  webhookUrl,
} from "./fields.ts";
import {
  accessModes,
  eventKinds,
  addressings,
  logFormats,
  logLevels,
  offloads,
  pushModes,
  readChecks,
} from "./settings.ts";

const tagPolicy = {
  freshFor: duration(),
  staleFor: duration(),
  staleAfter: timer(),
  absentFor: duration(),
  onGone: choice(["drop", "keep"]),
  goneGrace: duration(),
  onDenied: choice(["refuse", "keep"]),
  cooldown: duration(),
  cooldownMode: choice(["enforce", "audit"]),
};

const tagPattern = section({ match: tagGlob(), ...tagPolicy });

const tags = section({
  ...tagPolicy,
  // A list whose every entry is commented out has no value.
  patterns: z
    .preprocess((value) => value ?? [], z.array(tagPattern, { error: "must be a list of sections" }))
    .optional(),
});

const limits = section({
  answerWithin: positiveTimer(),
  headerTimeout: positiveTimer(),
  idleTimeout: positiveTimer(),
  connectTimeout: positiveTimer(),
  attempts: count(100),
  maxBlobSize: positiveSize(),
});

const credentialsSection = section({
  match: repositoryGlobs(),
  username: secretText(),
  password: secretText(),
  passwordFile: text(),
  passwordEnv: text(),
  token: secretText(),
  tokenFile: text(),
  tokenEnv: text(),
  dockerConfig: text(),
  helper: text(),
  command: programWords(),
});

/** One section, or a list of them. */
const credentials = z.preprocess(
  (value) => (Array.isArray(value) ? (value as unknown[]) : [value]),
  z.array(credentialsSection).min(1, "must not be an empty list"),
);

const endpointSection = section({
  url: endpointUrl(),
  credentials: credentials.optional(),
  addressing: choice(addressings),
  trusted: flag(),
});

/** An endpoint is a URL, or a section with one; text is put into a section first so that faults have one shape. */
const endpoint = z.preprocess((value) => (typeof value === "string" ? { url: value } : value), endpointSection);

const upstream = section({
  endpoints: z.array(endpoint, { error: "must be a list of URLs" }).min(1, "must name at least one URL").optional(),
  credentials: credentials.optional(),
  tokenHosts: authorities(),
  redirects: section({ allowPrivate: flag() }).optional(),
  allow: accessGlobs(),
  deny: accessGlobs(),
  hostnames: hostnames(),
  listen: listenAddresses(),
  proxy: proxyUrl(),
  tls: section({ caFile: text(), certFile: text(), keyFile: text() }).optional(),
  anonymousFallback: flag(),
  offline: flag(),
  concurrency: section({ control: count(1000), blobs: count(1000) }).optional(),
  bandwidth: rate(),
  breaker: section({ openFor: positiveTimer() }).optional(),
  quota: section({ keepBack: share() }).optional(),
  push: choice(pushModes),
  enabled: flag(),
  tags: tags.optional(),
  limits: limits.optional(),
});

const accessRule = section({ user: text(), allow: accessGlobs(), deny: accessGlobs() });

const access = section({
  mode: choice(accessModes),
  htpasswdFile: text(),
  rules: z.array(accessRule, { error: "must be a list of rules" }).optional(),
  verdictFor: positiveTimer(),
});

const serverTls = section({ certFile: text(), keyFile: text(), clientCaFile: text() });
const webhook = section({ url: webhookUrl(), secretFile: text(), only: choices(eventKinds) });

const events = section({
  // A list whose every entry is commented out has no value.
  webhooks: z.preprocess((value) => value ?? [], z.array(webhook, { error: "must be a list of sections" })).optional(),
});

const pinSection = section({ image: imagePattern(), platforms: platforms() });

const pin = z.preprocess((value) => (typeof value === "string" ? { image: value } : value), pinSection);

/** The keys that are built, as written: everything is optional, defaults come later. */
export const documentSchema = section({
  listen: listenAddresses(),
  admin: section({ listen: listenAddresses(), tokenFile: text(), tls: serverTls.optional() }).optional(),
  metrics: section({ listen: listenAddresses() }).optional(),
  dataDir: text(),
  storage: section({ maxSize: amount(), minFree: amount(), highWatermark: share(), lowWatermark: share() }).optional(),
  eviction: section({ leaseFor: duration(), orphanGrace: duration() }).optional(),
  abandoned: section({ linger: timer(), keepFor: timer() }).optional(),
  // A list whose every entry is commented out has no value.
  pins: z.preprocess((value) => value ?? [], z.array(pin, { error: "must be a list of images" })).optional(),
  scrub: section({ every: duration(), rate: positiveRate(), verifyOnRead: choice(readChecks) }).optional(),
  memory: section({ hotBlobs: size(), maxHotBlob: size() }).optional(),
  serve: section({
    idleTimeout: positiveTimer(),
    minRate: rate(),
    drainFor: timer(),
    connectionsPerClient: limit(1_000_000),
    fillsPerClient: limit(1_000_000),
    offload: choice(offloads),
  }).optional(),
  access: access.optional(),
  trustedProxies: networks(),
  allowPlaintext: flag(),
  denyDigests: digests(),
  tls: serverTls.optional(),
  log: section({ level: choice(logLevels), format: choice(logFormats) }).optional(),
  events: events.optional(),
  offline: flag(),
  defaultUpstream: upstreamName(),
  tags: tags.optional(),
  limits: limits.optional(),
  upstreams: z.record(z.string(), upstream).optional(),
});

export type DocumentSettings = z.infer<typeof documentSchema>;
export type UpstreamDocument = z.infer<typeof upstream>;
export type EndpointDocument = z.infer<typeof endpointSection>;
export type CredentialsDocument = z.infer<typeof credentialsSection>;
export type AccessDocument = z.infer<typeof access>;
export type ServerTlsDocument = z.infer<typeof serverTls>;
export type WebhookDocument = z.infer<typeof webhook>;
export type PinDocument = z.infer<typeof pinSection>;
export type TagsDocument = z.infer<typeof tags>;
export type TagPatternDocument = z.infer<typeof tagPattern>;
export type LimitsDocument = z.infer<typeof limits>;
